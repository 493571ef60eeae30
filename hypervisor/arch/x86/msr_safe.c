/* SPDX-License-Identifier: MIT */
/*
 * Registers that may not exist: the #GP is expected.
 */
#include <asm/asm.h>
#include <asm/msr.h>

int rdmsr_safe(uint32_t msr, uint64_t *value)
{
    uint32_t lo = 0, hi = 0;
    int rc = -EIO;

    __asm__ volatile("1: rdmsr\n"
                     "xor %0, %0\n"
                     "2:\n" EX_TABLE("1b", "2b")
                     : "+r"(rc), "+a"(lo), "+d"(hi)
                     : "c"(msr));
    *value = rc ? 0 : lo | (uint64_t)hi << 32;
    return rc;
}

int wrmsr_safe(uint32_t msr, uint64_t value)
{
    int rc = -EIO;

    __asm__ volatile("1: wrmsr\n"
                     "xor %0, %0\n"
                     "2:\n" EX_TABLE("1b", "2b")
                     : "+r"(rc)
                     : "c"(msr), "a"((uint32_t)value),
                       "d"((uint32_t)(value >> 32))
                     : "memory");
    return rc;
}
