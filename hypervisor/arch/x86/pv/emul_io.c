/* SPDX-License-Identifier: MIT */
/*
 * IN, OUT, INS, OUTS: may the guest's program or kernel, and with what
 * registers and memory. What the ports are is ioport.c's. String forms go in
 * steps: after each, the registers say how far it got, and the instruction is
 * simply executed again.
 */
#include <asm/pv/emulate.h>

#include <hv/domain.h>
#include <hv/guest_access.h>
#include <hv/lib.h>

#include <asm/msr.h>
#include <asm/page.h>
#include <asm/pv/bounce.h>
#include <asm/x86.h>

#define STRING_STEP 256 /* iterations without a look at events */

static ALWAYS_INLINE bool iopl_ok(const struct vcpu *v)
{
    bool arch_iopl = v->domain->vm_assist & BIT(VMASST_TYPE_architectural_iopl);
    unsigned int level = v->arch.kernel_mode ? (arch_iopl ? 0 : 1) : 3;

    return v->arch.iopl >= level;
}

bool emul_iopl_ok(const struct vcpu *v)
{
    return iopl_ok(v);
}

/* Two bytes of the guest's bitmap, which only its kernel's tables map. */
static int read_bitmap(struct vcpu *v, uint16_t port, uint16_t *bits)
{
    guest_va_t va = v->arch.iobitmap + port / 8;
    int rc;

    if (v->arch.kernel_mode)
        return copy_from_guest_va(bits, va, sizeof(*bits));
    write_cr3(mfn_to_maddr(v->arch.kernel_l4));
    rc = copy_from_guest_va(bits, va, sizeof(*bits));
    write_cr3(mfn_to_maddr(v->arch.user_l4));
    return rc;
}

static NOINLINE bool bitmap_ok(struct vcpu *v, uint16_t port, unsigned int size)
{
    uint16_t bits;

    if (port + size > v->arch.iobitmap_ports || read_bitmap(v, port, &bits))
        return false;
    return !(bits >> (port % 8) & ((1U << size) - 1));
}

static ALWAYS_INLINE bool io_ok(struct vcpu *v, uint16_t port,
                                unsigned int size)
{
    return likely(iopl_ok(v)) || bitmap_ok(v, port, size);
}

static unsigned int io_size(const struct insn *in)
{
    return in->op_size > 4 ? 4 : in->op_size;
}

static uint16_t io_port(const struct emul_ctx *c)
{
    return c->in.opcode < 0xe8 ? c->in.imm & 0xff : (uint16_t)c->regs->rdx;
}

enum emul emul_in(struct emul_ctx *c)
{
    unsigned int size = io_size(&c->in);
    uint16_t port = io_port(c);

    if (!io_ok(c->v, port, size))
        return EMUL_GP;
    insn_reg_write(&c->in, c->regs, 0, size,
                   ioport_read(c->v->domain, port, size));
    return EMUL_NEXT;
}

enum emul emul_out(struct emul_ctx *c)
{
    unsigned int size = io_size(&c->in);
    uint16_t port = io_port(c);

    if (!io_ok(c->v, port, size))
        return EMUL_GP;
    ioport_write(c->v->domain, port, size, (uint32_t)c->regs->rax);
    return EMUL_NEXT;
}

/* One unit between the port and memory; -EFAULT. */
static int io_unit(struct emul_ctx *c, bool in, uint64_t va, unsigned int size)
{
    uint16_t port = (uint16_t)c->regs->rdx;
    uint32_t value = 0;

    if (in) {
        /* Before the device is touched: a fault must lose nothing. */
        if (copy_from_guest_va(&value, va, size))
            return -EFAULT;
        value = ioport_read(c->v->domain, port, size);
        return copy_to_guest_va(va, &value, size);
    }
    if (copy_from_guest_va(&value, va, size))
        return -EFAULT;
    ioport_write(c->v->domain, port, size, value);
    return 0;
}

static uint64_t segment_base(const struct insn *in, bool is_in)
{
    if (is_in)
        return 0; /* always ES */
    if (in->seg == SEG_FS)
        return rdmsr(MSR_FS_BASE);
    return in->seg == SEG_GS ? rdmsr(MSR_GS_BASE) : 0;
}

static enum emul emul_string(struct emul_ctx *c, bool in)
{
    uint64_t *index = in ? &c->regs->rdi : &c->regs->rsi;
    uint64_t mask = c->in.addr_size == 8 ? ~0UL : 0xffffffffUL;
    uint64_t base = segment_base(&c->in, in);
    unsigned int size = io_size(&c->in);
    bool rep = c->in.rep || c->in.repne;
    int64_t step = c->regs->rflags & RFLAGS_DF ? -(int64_t)size : size;

    /* Other segments than flat ones exist only in 32-bit code. */
    if (!c->in.code64 || !io_ok(c->v, (uint16_t)c->regs->rdx, size))
        return EMUL_GP;
    for (unsigned int i = 0; i < STRING_STEP; i++) {
        uint64_t va = base + (*index & mask);

        if (rep && !(c->regs->rcx & mask))
            return EMUL_NEXT;
        if (io_unit(c, in, va, size)) {
            pv_inject_page_fault(in ? PFEC_W : 0, va);
            return EMUL_STAY;
        }
        *index = (*index + (uint64_t)step) & mask;
        if (!rep)
            return EMUL_NEXT;
        c->regs->rcx = (c->regs->rcx - 1) & mask;
    }
    return EMUL_STAY;
}

enum emul emul_ins(struct emul_ctx *c)
{
    return emul_string(c, true);
}

enum emul emul_outs(struct emul_ctx *c)
{
    return emul_string(c, false);
}
