/* SPDX-License-Identifier: MIT */
/*
 * The decoder of asm/pv/decode.h: prefixes, opcode tables, ModRM, SIB,
 * displacement, immediate. Compiles for the host; only insn_fetch() touches a
 * guest (decode_fetch.c).
 */
#include <asm/pv/decode.h>

#include <hv/errno.h>
#include <hv/lib.h>

/* Format of an opcode. 0: not known here. */
#define F_OK    0x01 /* known, nothing follows */
#define F_MODRM 0x02 /* ModRM follows */
#define F_BYTE  0x04 /* operands are bytes */
#define F_IMM8  0x08 /* one immediate byte, sign-extended */
#define F_IMMZ  0x10 /* 2 or 4 bytes by operand size, sign-extended */
#define F_DEF64 0x20 /* (0F 20..23) operand size is the mode's */

#define EB_GB (F_OK | F_MODRM | F_BYTE)
#define EV_GV (F_OK | F_MODRM)

static const uint8_t one_byte[256] = {
    /* ALU operations with a memory destination. */
    [0x00] = EB_GB,
    [0x01] = EV_GV, /* ADD */
    [0x08] = EB_GB,
    [0x09] = EV_GV, /* OR */
    [0x20] = EB_GB,
    [0x21] = EV_GV, /* AND */
    [0x28] = EB_GB,
    [0x29] = EV_GV, /* SUB */
    [0x30] = EB_GB,
    [0x31] = EV_GV, /* XOR */
    [0x80] = EB_GB | F_IMM8,
    [0x81] = EV_GV | F_IMMZ,
    [0x83] = EV_GV | F_IMM8,
    /* INS, OUTS. */
    [0x6c] = F_OK | F_BYTE,
    [0x6d] = F_OK,
    [0x6e] = F_OK | F_BYTE,
    [0x6f] = F_OK,
    /* XCHG, MOV. */
    [0x86] = EB_GB,
    [0x87] = EV_GV,
    [0x88] = EB_GB,
    [0x89] = EV_GV,
    [0x8a] = EB_GB,
    [0x8b] = EV_GV,
    [0xc6] = EB_GB | F_IMM8,
    [0xc7] = EV_GV | F_IMMZ,
    /* MOVS, STOS. */
    [0xa4] = F_OK | F_BYTE,
    [0xa5] = F_OK,
    [0xaa] = F_OK | F_BYTE,
    [0xab] = F_OK,
    /* INT3, INT n, ICEBP. */
    [0xcc] = F_OK,
    [0xcd] = F_OK | F_IMM8,
    [0xf1] = F_OK,
    /* IN, OUT: immediate port, DX port. */
    [0xe4] = F_OK | F_BYTE | F_IMM8,
    [0xe5] = F_OK | F_IMM8,
    [0xe6] = F_OK | F_BYTE | F_IMM8,
    [0xe7] = F_OK | F_IMM8,
    [0xec] = F_OK | F_BYTE,
    [0xed] = F_OK,
    [0xee] = F_OK | F_BYTE,
    [0xef] = F_OK,
    /* HLT, CMC, CLI, STI. */
    [0xf4] = F_OK,
    [0xf5] = F_OK,
    [0xfa] = F_OK,
    [0xfb] = F_OK,
    /* NOT, NEG (the TEST forms take an immediate: refused below). */
    [0xf6] = EB_GB,
    [0xf7] = EV_GV,
    /* INC, DEC. */
    [0xfe] = EB_GB,
    [0xff] = EV_GV,
};

static const uint8_t two_byte[256] = {
    [0x00] = EV_GV, /* SLDT.. VERW */
    [0x01] = EV_GV, /* group 7 */
    [0x06] = F_OK,
    [0x08] = F_OK,
    [0x09] = F_OK, /* CLTS INVD WBINVD */
    [0x0b] = F_OK, /* UD2 */
    [0x20] = EV_GV | F_DEF64,
    [0x21] = EV_GV | F_DEF64, /* MOV from CR, DR */
    [0x22] = EV_GV | F_DEF64,
    [0x23] = EV_GV | F_DEF64, /* MOV to CR, DR */
    [0x30] = F_OK,
    [0x31] = F_OK, /* WRMSR RDTSC */
    [0x32] = F_OK,
    [0x33] = F_OK, /* RDMSR RDPMC */
    [0xa2] = F_OK, /* CPUID */
    [0xab] = EV_GV,
    [0xb3] = EV_GV,
    [0xbb] = EV_GV,          /* BTS BTR BTC */
    [0xba] = EV_GV | F_IMM8, /* BT.. by immediate */
    [0xae] = EV_GV,          /* FXSAVE.. WRGSBASE */
    [0xb0] = EB_GB,
    [0xb1] = EV_GV, /* CMPXCHG */
    [0xc0] = EB_GB,
    [0xc1] = EV_GV, /* XADD */
    [0xc3] = EV_GV, /* MOVNTI */
    [0xc7] = EV_GV, /* CMPXCHG8B/16B */
};

/* Reader over the fetched bytes. */
struct reader {
    const uint8_t *p;
    unsigned int pos, nr;
    bool short_of_data;
};

static uint8_t read_byte(struct reader *r)
{
    if (r->pos >= r->nr) {
        r->short_of_data = true;
        return 0;
    }
    return r->p[r->pos++];
}

static int64_t read_signed(struct reader *r, unsigned int size)
{
    uint64_t v = 0;

    for (unsigned int i = 0; i < size; i++)
        v |= (uint64_t)read_byte(r) << (8 * i);
    return (int64_t)(v << (64 - 8 * size)) >> (64 - 8 * size);
}

/* True if b is a legacy prefix; op16/addr_prefix note 66 and 67. */
static bool take_prefix(struct insn *in, uint8_t b, bool *op16, bool *addr)
{
    switch (b) {
    /* 64-bit code has no use for these: they do not take FS or GS back. */
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
        if (!in->code64)
            in->seg = (uint8_t)(b >> 3 & 3); /* in the order of enum insn_seg */
        return true;
    case 0x64:
        in->seg = SEG_FS;
        return true;
    case 0x65:
        in->seg = SEG_GS;
        return true;
    case 0x66:
        *op16 = true;
        return true;
    case 0x67:
        *addr = true;
        return true;
    case 0xf0:
        in->lock = true;
        return true;
    case 0xf2:
        in->repne = true;
        in->rep = false;
        return true;
    case 0xf3:
        in->rep = true;
        in->repne = false;
        return true;
    default:
        return false;
    }
}

static void decode_sib(struct insn *in, struct reader *r, uint8_t *disp_size)
{
    uint8_t sib = read_byte(r);
    uint8_t idx = ((sib >> 3) & 7) | ((in->rex & 2) << 2);

    in->scale = sib >> 6;
    in->index = idx == 4 ? INSN_NO_REG : idx;
    if ((sib & 7) == 5 && in->mod == 0) {
        in->base = INSN_NO_REG;
        *disp_size = 4;
    } else {
        in->base = (sib & 7) | (uint8_t)((in->rex & 1) << 3);
    }
}

static void decode_modrm(struct insn *in, struct reader *r)
{
    uint8_t disp_size;

    in->has_modrm = true;
    in->modrm = read_byte(r);
    in->mod = in->modrm >> 6;
    in->reg = ((in->modrm >> 3) & 7) | (uint8_t)((in->rex & 4) << 1);
    in->rm = (in->modrm & 7) | (uint8_t)((in->rex & 1) << 3);
    if (in->mod == 3)
        return;
    disp_size = in->mod == 1 ? 1 : in->mod == 2 ? 4 : 0;
    if ((in->modrm & 7) == 4) {
        decode_sib(in, r, &disp_size);
    } else if (in->mod == 0 && (in->modrm & 7) == 5) {
        in->rip_relative = in->code64;
        disp_size = 4;
    } else {
        in->base = in->rm;
    }
    if (disp_size)
        in->disp = (int32_t)read_signed(r, disp_size);
}

static void set_sizes(struct insn *in, uint8_t format, bool op16, bool addr)
{
    if (format & F_BYTE)
        in->op_size = 1;
    else if (format & F_DEF64)
        in->op_size = in->code64 ? 8 : 4;
    else if (in->rex & 8)
        in->op_size = 8;
    else
        in->op_size = op16 ? 2 : 4;
    in->addr_size = in->code64 && !addr ? 8 : 4;
}

int insn_decode(struct insn *in, const void *bytes, unsigned int nr,
                bool code64)
{
    struct reader r = {.p = in->bytes, .nr = nr};
    bool op16 = false, addr = false;
    uint8_t b, format;

    if (nr > INSN_MAX_LEN)
        r.nr = nr = INSN_MAX_LEN;
    *in = (struct insn){.nr_bytes = (uint8_t)nr,
                        .code64 = code64,
                        .seg = SEG_DEFAULT,
                        .base = INSN_NO_REG,
                        .index = INSN_NO_REG};
    memcpy(in->bytes, bytes, nr);

    do
        b = read_byte(&r);
    while (!r.short_of_data && take_prefix(in, b, &op16, &addr));
    /* Only a REX right before the opcode counts. */
    while (code64 && (b & 0xf0) == 0x40 && !r.short_of_data) {
        in->rex = b;
        b = read_byte(&r);
        if (take_prefix(in, b, &op16, &addr))
            return -EOPNOTSUPP; /* legal, but no compiler writes it */
    }
    in->opcode = b;
    format = one_byte[b];
    if (b == 0x0f) {
        b = read_byte(&r);
        in->opcode = (uint16_t)(0x0f00 | b);
        format = two_byte[b];
    }
    if (r.short_of_data)
        return nr < INSN_MAX_LEN ? -ENODATA : -EOPNOTSUPP;
    if (!format || (!code64 && addr))
        return -EOPNOTSUPP;

    set_sizes(in, format, op16, addr);
    if (format & F_MODRM)
        decode_modrm(in, &r);
    if ((in->opcode == 0xf6 || in->opcode == 0xf7) && !(in->reg & 6))
        return -EOPNOTSUPP;
    if (format & F_IMM8)
        in->imm = (uint64_t)read_signed(&r, 1);
    else if (format & F_IMMZ)
        in->imm = (uint64_t)read_signed(&r, in->op_size == 2 ? 2 : 4);
    if (r.short_of_data)
        return nr < INSN_MAX_LEN ? -ENODATA : -EOPNOTSUPP;
    in->len = (uint8_t)r.pos;
    return 0;
}

/* Position of the registers 0..15 in the frame. */
static const uint16_t reg_offset[16] = {
    offsetof(struct cpu_regs, rax), offsetof(struct cpu_regs, rcx),
    offsetof(struct cpu_regs, rdx), offsetof(struct cpu_regs, rbx),
    offsetof(struct cpu_regs, rsp), offsetof(struct cpu_regs, rbp),
    offsetof(struct cpu_regs, rsi), offsetof(struct cpu_regs, rdi),
    offsetof(struct cpu_regs, r8),  offsetof(struct cpu_regs, r9),
    offsetof(struct cpu_regs, r10), offsetof(struct cpu_regs, r11),
    offsetof(struct cpu_regs, r12), offsetof(struct cpu_regs, r13),
    offsetof(struct cpu_regs, r14), offsetof(struct cpu_regs, r15),
};

uint64_t *insn_reg(struct cpu_regs *regs, unsigned int nr)
{
    return (uint64_t *)((char *)regs + reg_offset[nr & 15]);
}

uint64_t insn_reg_value(const struct cpu_regs *regs, unsigned int nr)
{
    return *(const uint64_t *)((const char *)regs + reg_offset[nr & 15]);
}

/* AH, CH, DH, BH: encodings 4..7 of byte operands without REX. */
static bool is_high_byte(const struct insn *in, unsigned int nr,
                         unsigned int size)
{
    return size == 1 && !in->rex && nr >= 4 && nr < 8;
}

uint64_t insn_reg_read(const struct insn *in, const struct cpu_regs *regs,
                       unsigned int nr, unsigned int size)
{
    uint64_t v;

    if (is_high_byte(in, nr, size))
        return (insn_reg_value(regs, nr - 4) >> 8) & 0xff;
    v = insn_reg_value(regs, nr);
    return size == 8 ? v : v & ((1UL << (8 * size)) - 1);
}

void insn_reg_write(const struct insn *in, struct cpu_regs *regs,
                    unsigned int nr, unsigned int size, uint64_t value)
{
    uint64_t mask = size == 1 ? 0xff : 0xffff;
    uint64_t *reg;

    if (is_high_byte(in, nr, size)) {
        reg = insn_reg(regs, nr - 4);
        *reg = (*reg & ~0xff00UL) | ((value & 0xff) << 8);
        return;
    }
    reg = insn_reg(regs, nr);
    if (size == 8)
        *reg = value;
    else if (size == 4)
        *reg = (uint32_t)value;
    else
        *reg = (*reg & ~mask) | (value & mask);
}

uint64_t insn_mem_offset(const struct insn *in, const struct cpu_regs *regs)
{
    uint64_t ea = (uint64_t)(int64_t)in->disp;

    if (in->rip_relative)
        ea += regs->rip + in->len;
    if (in->base != INSN_NO_REG)
        ea += insn_reg_value(regs, in->base);
    if (in->index != INSN_NO_REG)
        ea += insn_reg_value(regs, in->index) << in->scale;
    return in->addr_size == 4 ? (uint32_t)ea : ea;
}

enum insn_seg insn_mem_seg(const struct insn *in)
{
    if (in->seg != SEG_DEFAULT)
        return (enum insn_seg)in->seg;
    return in->base == 4 || in->base == 5 ? SEG_SS : SEG_DS;
}

uint64_t insn_mem_linear(const struct insn *in, const struct cpu_regs *regs,
                         uint64_t fs_base, uint64_t gs_base)
{
    uint64_t off = insn_mem_offset(in, regs);

    if (in->seg == SEG_FS)
        return off + fs_base;
    if (in->seg == SEG_GS)
        return off + gs_base;
    return off;
}

/* ---- the short way ---- */

/* After 0f; first: 66 or a REX prefix, or 0. */
static bool plain_two_byte(struct insn *in, uint64_t bytes, uint8_t first)
{
    uint8_t op = (uint8_t)bytes, modrm = (uint8_t)(bytes >> 8);

    in->opcode = 0x0f00 | op;
    switch (op) {
    case 0x06: /* CLTS WBINVD WRMSR RDTSC RDMSR CPUID */
    case 0x09:
    case 0x30:
    case 0x31:
    case 0x32:
    case 0xa2:
        in->len += 2;
        return first == 0;
    case 0x20: /* MOV from and to CR, DR: a register of 8 bytes */
    case 0x21:
    case 0x22:
    case 0x23:
        in->reg = (modrm >> 3 & 7) | (in->rex & 4) << 1;
        in->rm = (modrm & 7) | (in->rex & 1) << 3;
        in->modrm = modrm;
        in->op_size = 8;
        in->len += 3;
        return first != 0x66 && modrm >= 0xc0;
    case 0x01:
        in->modrm = modrm;
        in->len += 3;
        return first == 0 && (modrm == 0xd1 || modrm == 0xf9);
    default:
        return false;
    }
}

bool insn_decode_plain(struct insn *in, uint64_t bytes)
{
    uint8_t op = (uint8_t)bytes, first = 0;

    in->lock = in->rep = in->repne = false;
    in->code64 = true;
    in->rex = in->len = 0;
    in->op_size = 4;
    if (op == 0x66 || (op & 0xf0) == 0x40) {
        first = op;
        in->op_size = op == 0x66 ? 2 : 4;
        in->rex = op == 0x66 ? 0 : op;
        in->len = 1;
        bytes >>= 8;
        op = (uint8_t)bytes;
    }
    if (op == 0x0f)
        return plain_two_byte(in, bytes >> 8, first);
    in->opcode = op;
    in->imm = (uint8_t)(bytes >> 8);
    switch (op) {
    case 0xe4 ... 0xe7:
    case 0xec ... 0xef:
        if (!(op & 1))
            in->op_size = 1;
        in->len = (uint8_t)(in->len + (op < 0xe8 ? 2 : 1));
        return !in->rex;
    case 0xfa:
    case 0xfb:
        in->len += 1;
        return first == 0;
    default:
        return false;
    }
}
