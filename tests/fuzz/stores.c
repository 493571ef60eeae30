/* SPDX-License-Identifier: MIT */
/*
 * The instruction decoder, and what emulated stores compute. Any bytes are
 * decoded; those that are taken for a store are also executed here, on the
 * same registers, flags and memory: the processor is the oracle of length,
 * address, result and flags.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <hostarch.h>

#include <asm/x86.h>

#include "arch/x86/pv/store_op.h"
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Below 4 GiB, so that 32-bit addresses reach it. */
#define ARENA       0x20000000UL
#define ARENA_BYTES 0x3000UL
#define TARGET      (ARENA + 0x1800)

/* Registers by number, then flags; what the native code loads and stores. */
struct machine {
    uint64_t reg[16];
    uint64_t rflags;
};

#define ARITH \
    (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)
#define RSP 4

static uint8_t *code;
static struct machine in_state, out_state;

/* ---- native execution ---- */

static uint8_t *emit(uint8_t *p, const void *bytes, size_t n)
{
    memcpy(p, bytes, n);
    return p + n;
}

static uint8_t *emit64(uint8_t *p, uint64_t v)
{
    return emit(p, &v, sizeof(v));
}

/* mov disp8(%rax), reg or the other way round. */
static uint8_t *emit_move(uint8_t *p, unsigned int reg, bool load)
{
    const uint8_t insn[] = {
        (uint8_t)(0x48 | (reg >= 8 ? 4 : 0)), load ? 0x8b : 0x89,
        (uint8_t)(0x40 | (reg & 7) << 3), (uint8_t)(reg * 8)};

    return emit(p, insn, sizeof(insn));
}

static const uint8_t save[] = {0x53, 0x55, 0x41, 0x54, 0x41,
                               0x55, 0x41, 0x56, 0x41, 0x57};
static const uint8_t restore[] = {0xfc, 0x41, 0x5f, 0x41, 0x5e, 0x41,
                                  0x5d, 0x41, 0x5c, 0x5d, 0x5b, 0xc3};
static const uint8_t load_flags[] = {0xff, 0xb0, 0x80, 0, 0, 0, 0x9d};
static const uint8_t store_flags[] = {0x9c, 0x8f, 0x80, 0x80, 0, 0, 0};

/* All registers but rsp from in_state, INSN, all to out_state. */
static void assemble(const struct insn *in)
{
    uint8_t *p = emit(code, save, sizeof(save));

    p = emit64(emit(p, "\x48\xb8", 2), (uint64_t)&in_state);
    p = emit(p, load_flags, sizeof(load_flags));
    for (unsigned int r = 1; r < 16; r++)
        if (r != RSP)
            p = emit_move(p, r, true);
    p = emit_move(p, 0, true);
    p = emit(p, in->bytes, in->len);
    p = emit64(emit(p, "\x48\xa3", 2), (uint64_t)&out_state.reg[0]);
    p = emit64(emit(p, "\x48\xb8", 2), (uint64_t)&out_state);
    p = emit(p, store_flags, sizeof(store_flags));
    for (unsigned int r = 1; r < 16; r++)
        if (r != RSP)
            p = emit_move(p, r, false);
    (void)emit(p, restore, sizeof(restore));
}

static sigjmp_buf refused;

static void illegal(int sig)
{
    (void)sig;
    siglongjmp(refused, 1);
}

/* False: the processor has no such instruction (LOCK with one that may not). */
static bool execute(const struct insn *in)
{
    void (*old)(int);

    assemble(in);
    old = signal(SIGILL, illegal);
    if (sigsetjmp(refused, 1)) {
        signal(SIGILL, old);
        return false;
    }
    ((void (*)(void))code)();
    signal(SIGILL, old);
    return true;
}

/* ---- the same by the emulator ---- */

static void regs_from(struct cpu_regs *r, const struct machine *m)
{
    memset(r, 0, sizeof(*r));
    for (unsigned int i = 0; i < 16; i++)
        *insn_reg(r, i) = m->reg[i];
    r->rflags = m->rflags;
    r->rip = (uint64_t)code;
}

/* Flags that the manual leaves undefined are not compared. */
static uint64_t flags_defined(const struct insn *in)
{
    unsigned int digit = in->reg & 7;
    unsigned int row = in->opcode >> 3;

    switch (in->opcode) {
    case 0x0fab:
    case 0x0fb3:
    case 0x0fbb:
    case 0x0fba:
        return RFLAGS_CF;
    case 0x80:
    case 0x81:
    case 0x83:
        row = digit;
        break;
    default:
        break;
    }
    if (in->opcode < 0x40 || (in->opcode >= 0x80 && in->opcode <= 0x83))
        return row == 1 || row == 4 || row == 6 ? ARITH & ~RFLAGS_AF : ARITH;
    return ARITH;
}

/* The stack pointer is not ours to choose. */
static bool reads_rsp(const struct insn *in)
{
    bool group = (in->opcode >= 0x80 && in->opcode <= 0x83) ||
                 in->opcode == 0x0fba || (in->opcode & 0xfe) == 0xf6 ||
                 (in->opcode & 0xfe) == 0xfe || (in->opcode & 0xfe) == 0xc6;

    return in->base == RSP || in->index == RSP ||
           (!group && in->reg == RSP && (in->op_size > 1 || in->rex));
}

/* Make the operand lie where memory is. */
static bool aim(struct machine *m, const struct insn *in, struct store_op *op,
                struct cpu_regs *r)
{
    bool stos = in->opcode == 0xaa || in->opcode == 0xab;
    unsigned int base = stos ? 7 : in->base;

    if (!stos && (in->rip_relative || in->base == INSN_NO_REG))
        return false;
    if (base == RSP || reads_rsp(in))
        return false;
    for (unsigned int i = 0; i < 4 && op->linear != TARGET; i++) {
        m->reg[base] += TARGET - op->linear;
        regs_from(r, m);
        if (!store_op_parse(op, in, r))
            return false;
    }
    return op->linear == TARGET; /* base and source may be one register */
}

static void compare(const struct insn *in, const struct cpu_regs *r,
                    uint64_t memory)
{
    uint64_t flags = flags_defined(in) | RFLAGS_DF;
    uint64_t native;

    memcpy(&native, (void *)TARGET, sizeof(native));
    if (native != memory)
        abort();
    for (unsigned int i = 0; i < 16; i++)
        if (i != RSP && insn_reg_value(r, i) != out_state.reg[i])
            abort();
    if ((r->rflags ^ out_state.rflags) & flags)
        abort();
}

static void run_store(const struct insn *in, struct input *bytes)
{
    struct store_op op;
    struct cpu_regs r;
    uint64_t memory, part, mask, before;

    for (unsigned int i = 0; i < 16; i++)
        in_state.reg[i] = in8(bytes) & 1 ? in64(bytes) : in8(bytes);
    in_state.rflags = RFLAGS_ONE | (in16(bytes) & (ARITH | RFLAGS_DF));
    memory = before = in64(bytes);
    regs_from(&r, &in_state);
    if (!store_op_parse(&op, in, &r))
        return;
    if (op.size != 1 && op.size != 2 && op.size != 4 && op.size != 8)
        abort();
    if (!aim(&in_state, in, &op, &r))
        return;
    mask = op.size == 8 ? ~0UL : (1UL << 8 * op.size) - 1;
    part = memory & mask;
    if (store_op_apply(&op, in, &r, &part))
        memory = (memory & ~mask) | (part & mask);
    if (part & ~mask)
        abort();
    memset((void *)ARENA, 0xa5, ARENA_BYTES);
    memcpy((void *)TARGET, &before, sizeof(before));
    if (execute(in))
        compare(in, &r, memory);
}

/* ---- the decoder alone ---- */

static void check_decoder(const struct insn *in, const uint8_t *bytes,
                          unsigned int nr, bool code64)
{
    struct insn again;
    uint8_t other[INSN_MAX_LEN];

    if (in->len == 0 || in->len > nr || in->len > INSN_MAX_LEN)
        abort();
    /* Nothing behind it counts, and nothing of it is left out. */
    memset(other, 0xff, sizeof(other));
    memcpy(other, bytes, in->len);
    if (insn_decode(&again, other, sizeof(other), code64) ||
        again.len != in->len || again.opcode != in->opcode)
        abort();
    for (unsigned int n = 0; n < in->len; n++)
        if (insn_decode(&again, bytes, n, code64) == 0)
            abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    code = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (code == MAP_FAILED ||
        mmap((void *)ARENA, ARENA_BYTES, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
             0) != (void *)ARENA)
        abort();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input bytes = {data, size};
    bool code64 = in8(&bytes) & 1;
    unsigned int nr =
        bytes.left < INSN_MAX_LEN ? (unsigned int)bytes.left : INSN_MAX_LEN;
    struct insn in;

    if (insn_decode(&in, bytes.p, nr, code64))
        return 0;
    check_decoder(&in, bytes.p, nr, code64);
    bytes.p += in.len;
    bytes.left -= in.len;
    if (code64)
        run_store(&in, &bytes);
    return 0;
}
