/* SPDX-License-Identifier: MIT */
/*
 * Counts hypercalls in a file of xentrace, of all domains, between the marks
 * that io.c makes. A line for each pair of marks:
 *
 *   CALLS EVENT MAP UNMAP COPY OTHER
 *
 * operations on event channels (of which Xen does not say more; nearly all are
 * sends); grants (not calls) mapped, unmapped and copied; all other hypercalls.
 * Those inside a multicall are counted one by one. The format is that of the
 * public header, include/public/trace.h.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOST    0x1f001
#define CALL    0x20100d
#define SUBCALL 0x20200e
#define NR_MASK 0xfffffu

/* Hypercalls and operations: include/public. */
#define MULTICALL     13
#define GRANT_TABLE   20
#define EVENT_CHANNEL 32
#define GRANT_MAP     0
#define GRANT_UNMAP   1
#define GRANT_COPY    5
#define MARK_GRANTS   77 /* mapped at once: io.c */

static unsigned long event, map, unmapped, copied, other;
static int counting, lost;

/* Argument i of a hypercall's record; 0 if the record does not have it. */
static uint64_t argument(const uint32_t *word, unsigned int n, unsigned int i)
{
    unsigned int at = 1;

    for (unsigned int k = 0; k < 6; k++) {
        unsigned int words = word[0] >> (20 + 2 * k) & 3;

        if (k == i && words && at + words <= n)
            return words == 1 ? word[at]
                              : word[at] | (uint64_t)word[at + 1] << 32;
        at += words;
    }
    return 0;
}

/* Linux does it twice, for the kernel's address and the program's. */
static void mark(void)
{
    static int twice;

    twice = !twice;
    if (twice)
        return;
    counting = !counting;
    if (!counting)
        printf("CALLS %lu %lu %lu %lu %lu\n", event, map, unmapped, copied,
               other);
    event = map = unmapped = copied = other = 0;
}

static void count(const uint32_t *word, unsigned int n)
{
    uint64_t operation = argument(word, n, 0);
    unsigned long times = (unsigned long)argument(word, n, 2);

    switch (word[0] & NR_MASK) {
    case EVENT_CHANNEL:
        event++;
        break;
    case GRANT_TABLE:
        if (operation == GRANT_MAP && times == MARK_GRANTS)
            mark();
        else if (operation == GRANT_MAP)
            map += times;
        else if (operation == GRANT_UNMAP)
            unmapped += times;
        else if (operation == GRANT_COPY)
            copied += times;
        else
            other++;
        break;
    case MULTICALL:
        break;
    default:
        other++;
    }
}

int main(int argc, char **argv)
{
    FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
    uint32_t head, word[9];

    if (!f)
        return 2;
    while (fread(&head, sizeof(head), 1, f) == 1) {
        uint32_t what = head & 0x0fffffff, n = head >> 28 & 7;
        unsigned int stamp = head >> 31 ? 2 : 0;

        if (fread(word, sizeof(word[0]), n + stamp, f) != n + stamp)
            break;
        if (what == LOST && counting)
            lost = 1;
        if (n && (what == CALL || what == SUBCALL))
            count(word + stamp, n);
    }
    if (counting || lost)
        printf("CALLS LOST\n");
    return 0;
}
