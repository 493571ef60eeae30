/* SPDX-License-Identifier: MIT */
/* The program of fork+exec+exit: linked to the C library as programs are. */
int main(void)
{
    return 0;
}
