/* SPDX-License-Identifier: MIT */
/*
 * Emulated stores against the processor itself: the same instruction bytes
 * run here natively and through decoder and store_op, on the same registers,
 * flags and memory. A wrong flag or a clobbered register shows up in a guest
 * kernel long after.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <hostarch.h>

#include <asm/x86.h>

#include "arch/x86/pv/store_op.h"

struct machine {
    uint64_t rax, rcx, rdi, rflags;
};

/* rbx := ctx, load, INSN, store back. */
static const uint8_t before[] = {
    0x53,                   /* push %rbx */
    0x48, 0x89, 0xfb,       /* mov %rdi, %rbx */
    0x48, 0x8b, 0x03,       /* mov (%rbx), %rax */
    0x48, 0x8b, 0x4b, 0x08, /* mov 8(%rbx), %rcx */
    0x48, 0x8b, 0x7b, 0x10, /* mov 16(%rbx), %rdi */
    0xff, 0x73, 0x18,       /* push 24(%rbx) */
    0x9d,                   /* popfq */
};
static const uint8_t after[] = {
    0x9c,                   /* pushfq */
    0x8f, 0x43, 0x18,       /* pop 24(%rbx) */
    0x48, 0x89, 0x03,       /* mov %rax, (%rbx) */
    0x48, 0x89, 0x4b, 0x08, /* mov %rcx, 8(%rbx) */
    0x48, 0x89, 0x7b, 0x10, /* mov %rdi, 16(%rbx) */
    0xfc,                   /* cld */
    0x5b, 0xc3,             /* pop %rbx; ret */
};

static uint8_t *code;
static uint64_t memory[4]; /* the operand is in [1] */

#define ARITH \
    (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)
#define LOGIC (ARITH & ~RFLAGS_AF) /* AF is undefined */

/* Operands: memory (%rdi), register cl/cx/ecx/rcx. */
static const struct {
    const char *name;
    uint8_t bytes[12], len;
    uint64_t flags; /* those the manual defines */
} insns[] = {
    {"add rcx", {0x48, 0x01, 0x0f}, 3, ARITH},
    {"add ecx", {0x01, 0x0f}, 2, ARITH},
    {"add cx", {0x66, 0x01, 0x0f}, 3, ARITH},
    {"add cl", {0x00, 0x0f}, 2, ARITH},
    {"add ch", {0x00, 0x2f}, 2, ARITH},
    {"sub rcx", {0x48, 0x29, 0x0f}, 3, ARITH},
    {"sub ecx", {0x29, 0x0f}, 2, ARITH},
    {"sub cl", {0x28, 0x0f}, 2, ARITH},
    {"or rcx", {0x48, 0x09, 0x0f}, 3, LOGIC},
    {"or cl", {0x08, 0x0f}, 2, LOGIC},
    {"and rcx", {0x48, 0x21, 0x0f}, 3, LOGIC},
    {"and ecx", {0x21, 0x0f}, 2, LOGIC},
    {"xor rcx", {0x48, 0x31, 0x0f}, 3, LOGIC},
    {"lock or imm8", {0xf0, 0x48, 0x83, 0x0f, 0x42}, 5, LOGIC},
    {"lock and imm8", {0xf0, 0x80, 0x27, 0xbf}, 4, LOGIC},
    {"and imm32", {0x48, 0x81, 0x27, 0x0f, 0xf0, 0xff, 0xff}, 7, LOGIC},
    {"add imm16", {0x66, 0x81, 0x07, 0x34, 0x92}, 5, ARITH},
    {"mov rcx", {0x48, 0x89, 0x0f}, 3, ARITH},
    {"mov ecx", {0x89, 0x0f}, 2, ARITH},
    {"mov cl", {0x88, 0x0f}, 2, ARITH},
    {"mov disp8", {0x48, 0x89, 0x4f, 0x00}, 4, ARITH},
    {"mov imm32", {0x48, 0xc7, 0x07, 0x67, 0x00, 0x00, 0x80}, 7, ARITH},
    {"mov imm8", {0xc6, 0x07, 0x99}, 3, ARITH},
    {"movnti", {0x48, 0x0f, 0xc3, 0x0f}, 4, ARITH},
    {"xchg rcx", {0x48, 0x87, 0x0f}, 3, ARITH},
    {"xchg ecx", {0x87, 0x0f}, 2, ARITH},
    {"xchg cl", {0x86, 0x0f}, 2, ARITH},
    {"cmpxchg rcx", {0xf0, 0x48, 0x0f, 0xb1, 0x0f}, 5, ARITH},
    {"cmpxchg ecx", {0xf0, 0x0f, 0xb1, 0x0f}, 4, ARITH},
    {"cmpxchg cl", {0xf0, 0x0f, 0xb0, 0x0f}, 4, ARITH},
    {"xadd rcx", {0xf0, 0x48, 0x0f, 0xc1, 0x0f}, 5, ARITH},
    {"xadd cl", {0xf0, 0x0f, 0xc0, 0x0f}, 4, ARITH},
    {"not", {0x48, 0xf7, 0x17}, 3, ARITH},
    {"neg", {0x48, 0xf7, 0x1f}, 3, ARITH},
    {"neg byte", {0xf6, 0x1f}, 2, ARITH},
    {"inc", {0x48, 0xff, 0x07}, 3, ARITH},
    {"dec", {0x48, 0xff, 0x0f}, 3, ARITH},
    {"dec byte", {0xfe, 0x0f}, 2, ARITH},
    {"lock btr imm", {0xf0, 0x48, 0x0f, 0xba, 0x37, 0x01}, 6, RFLAGS_CF},
    {"lock bts imm", {0xf0, 0x48, 0x0f, 0xba, 0x2f, 0x3f}, 6, RFLAGS_CF},
    {"btc imm", {0x0f, 0xba, 0x3f, 0x25}, 4, RFLAGS_CF},
    {"btr rcx", {0xf0, 0x48, 0x0f, 0xb3, 0x0f}, 5, RFLAGS_CF},
    {"bts ecx", {0xf0, 0x0f, 0xab, 0x0f}, 4, RFLAGS_CF},
    {"btc rcx", {0x48, 0x0f, 0xbb, 0x0f}, 4, RFLAGS_CF},
    {"stosq", {0x48, 0xab}, 2, ARITH},
    {"stosl", {0xab}, 1, ARITH},
    {"stosb", {0xaa}, 1, ARITH},
};

static void run_native(unsigned int n, struct machine *m)
{
    memcpy(code, before, sizeof(before));
    memcpy(code + sizeof(before), insns[n].bytes, insns[n].len);
    memcpy(code + sizeof(before) + insns[n].len, after, sizeof(after));
    ((void (*)(struct machine *))(uintptr_t)code)(m);
}

static void run_emulated(unsigned int n, struct machine *m)
{
    struct cpu_regs regs = {
        .rax = m->rax, .rcx = m->rcx, .rdi = m->rdi, .rflags = m->rflags};
    struct store_op op;
    struct insn in;
    uint64_t mem = 0;

    assert_int_equal(insn_decode(&in, insns[n].bytes, insns[n].len, true), 0);
    assert_int_equal(in.len, insns[n].len);
    assert_true(store_op_parse(&op, &in, &regs));
    assert_in_range(op.linear, (uintptr_t)memory,
                    (uintptr_t)memory + sizeof(memory) - op.size);
    memcpy(&mem, (void *)op.linear, op.size);
    if (store_op_apply(&op, &in, &regs, &mem))
        memcpy((void *)op.linear, &mem, op.size);
    *m = (struct machine){regs.rax, regs.rcx, regs.rdi, regs.rflags};
}

static uint64_t interesting(void)
{
    static const uint64_t v[] = {
        0,          1,          0x7f, 0x80,      0xff,
        0x7fffffff, 0x80000000, ~0UL, 1UL << 63, (1UL << 63) - 1};
    uint64_t r =
        ((uint64_t)rand() << 40) ^ ((uint64_t)rand() << 20) ^ (uint64_t)rand();

    return rand() % 2 ? r : v[(unsigned int)rand() % ARRAY_SIZE(v)];
}

static void one(unsigned int n)
{
    uint64_t start[4], native[4];
    struct machine m, e;

    for (unsigned int i = 0; i < 4; i++)
        memory[i] = start[i] = interesting();
    m = (struct machine){interesting(), interesting(), (uintptr_t)&memory[1],
                         (interesting() & ARITH) | RFLAGS_IF | RFLAGS_ONE};
    if (insns[n].flags == RFLAGS_CF)
        m.rcx = (uint64_t)(rand() % 192 - 64); /* a bit in memory[] */
    if (rand() % 2)
        m.rax = memory[1]; /* a compare that succeeds */
    e = m;
    run_native(n, &m);
    memcpy(native, memory, sizeof(native));
    memcpy(memory, start, sizeof(memory));
    run_emulated(n, &e);
    if (memcmp(native, memory, sizeof(native)) || m.rax != e.rax ||
        m.rcx != e.rcx || m.rdi != e.rdi ||
        ((m.rflags ^ e.rflags) & insns[n].flags))
        fail_msg("%s: memory %lx -> %lx, here %lx; flags %lx, here %lx; "
                 "rax %lx/%lx rcx %lx/%lx",
                 insns[n].name, start[1], native[1], memory[1], m.rflags,
                 e.rflags, m.rax, e.rax, m.rcx, e.rcx);
}

static void test_against_processor(void **state)
{
    (void)state;
    srand(7);
    code = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(code != MAP_FAILED);
    for (unsigned int n = 0; n < ARRAY_SIZE(insns); n++)
        for (unsigned int i = 0; i < 500; i++)
            one(n);
    munmap(code, PAGE_SIZE);
}

/* Repeated, in other segments, to a register, not storing: not for us. */
static void test_refused(void **state)
{
    static const uint8_t bad[][4] = {
        {0xf3, 0x48, 0xab},       /* rep stosq */
        {0x65, 0x48, 0x89, 0x0f}, /* mov %rcx, %gs:(%rdi) */
        {0x48, 0x89, 0xcf},       /* mov %rcx, %rdi */
        {0x48, 0x8b, 0x0f},       /* mov (%rdi), %rcx */
        {0x0f, 0x30},             /* wrmsr */
        {0x48, 0x0f, 0xba, 0x27}, /* bt */
        {0x48, 0x0f, 0xc7, 0x0f}, /* cmpxchg16b */
    };
    const struct cpu_regs regs = {.rdi = (uintptr_t)memory};
    struct store_op op;
    struct insn in;

    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
        uint8_t bytes[INSN_MAX_LEN] = {0};

        memcpy(bytes, bad[i], sizeof(bad[i]));
        assert_int_equal(insn_decode(&in, bytes, sizeof(bytes), true), 0);
        assert_false(store_op_parse(&op, &in, &regs));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_processor),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
