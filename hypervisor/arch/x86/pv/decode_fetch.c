/* SPDX-License-Identifier: MIT */
/*
 * Fetching a guest's instruction for the decoder: first the bytes up to the
 * end of the page, then, only if the instruction goes on, those behind it.
 */
#include <asm/pv/decode.h>

#include <hv/guest_access.h>

int insn_fetch(struct insn *in, unsigned long linear, bool code64,
               unsigned long *fault_va)
{
    uint8_t bytes[INSN_MAX_LEN];
    unsigned int room = (unsigned int)(PAGE_SIZE - (linear & ~PAGE_MASK));
    unsigned int first = min_t(unsigned int, room, INSN_MAX_LEN);
    unsigned long va = linear;
    int rc;

    if (copy_from_guest_va(bytes, va, first))
        goto fault;
    rc = insn_decode(in, bytes, first, code64);
    if (rc != -ENODATA)
        return rc;
    va = linear + first;
    if (copy_from_guest_va(bytes + first, va, INSN_MAX_LEN - first))
        goto fault;
    return insn_decode(in, bytes, INSN_MAX_LEN, code64);

fault:
    if (fault_va)
        *fault_va = va;
    return -EFAULT;
}
