/* SPDX-License-Identifier: MIT */
/*
 * The instruction decoder, with the assembler as the judge of lengths and the
 * processor (LEA) as the judge of addresses. A store that is taken for another
 * one lets a guest write its page tables unchecked.
 */
#include <stdlib.h>
#include <string.h>

#include <hostarch.h>

#include <asm/pv/decode.h>

/* One instruction with a memory operand: as it is, and as LEA into RAX. */
#define MEM(pre, mem, post)             \
    ".pushsection insns_text, \"ax\"\n" \
    "1: " pre mem post "\n"             \
    "2: lea " mem ", %rax\n"            \
    "ret\n"                             \
    ".popsection\n"                     \
    ".pushsection insns_names, \"a\"\n" \
    "3: .asciz \"" pre mem post "\"\n"  \
    ".popsection\n"                     \
    ".quad 3b, 1b, 2b, 2b\n"

/* One without, or whose operand's address is not asked for. */
#define INSN(text)                      \
    ".pushsection insns_text, \"ax\"\n" \
    "1: " text "\n"                     \
    "2:\n"                              \
    ".popsection\n"                     \
    ".pushsection insns_names, \"a\"\n" \
    "3: .asciz \"" text "\"\n"          \
    ".popsection\n"                     \
    ".quad 3b, 1b, 2b, 0\n"

#define EVERY_MEM(pre, post)             \
    MEM(pre, "(%rbx)", post)             \
    MEM(pre, "(%r12)", post)             \
    MEM(pre, "(%r13)", post)             \
    MEM(pre, "(%rbp)", post)             \
    MEM(pre, "-8(%rbp)", post)           \
    MEM(pre, "0x7f(%rdi)", post)         \
    MEM(pre, "0x1234(%r15)", post)       \
    MEM(pre, "-0x12345678(%rsi)", post)  \
    MEM(pre, "(%rax,%rcx)", post)        \
    MEM(pre, "(%rax,%r9,8)", post)       \
    MEM(pre, "0x40(%r13,%r12,4)", post)  \
    MEM(pre, "0x400(%rbp,%rbp,2)", post) \
    MEM(pre, "(,%rdx,8)", post)          \
    MEM(pre, "0x100(,%r11,2)", post)     \
    MEM(pre, "0x7fff0000", post)         \
    MEM(pre, "0x10(%ebx)", post)         \
    MEM(pre, "(%r8d,%ecx,4)", post)

struct entry {
    const char *name;
    const uint8_t *start, *end;
    const void *lea;
};
extern const struct entry known_start[], known_end[], refused_start[],
    refused_end[];

__asm__(
    ".pushsection insns_table, \"aw\"\n"
    "known_start:\n" /* clang-format off */
        EVERY_MEM("movq %rax, ", "")
        EVERY_MEM("movl %r10d, ", "")
        EVERY_MEM("movq $-2, ", "")
        EVERY_MEM("lock cmpxchgq %rsi, ", "")
        EVERY_MEM("lock btsq $63, ", "")
        EVERY_MEM("xchgw %cx, ", "")
        EVERY_MEM("movb $7, ", "")
        EVERY_MEM("addl $0x12345678, ", "")
        EVERY_MEM("andw $0x1234, ", "")
        EVERY_MEM("incq ", "")
        EVERY_MEM("movq ", ", %r14")
        EVERY_MEM("movnti %rax, ", "")
        EVERY_MEM("lock cmpxchg16b ", "")
        INSN("movq %rax, 0x10(%rip)")
        INSN("movl $5, -0x20(%rip)")
        INSN("movq %rax, (%rsp)")
        INSN("movq %rax, 8(%rsp,%rcx,2)")
        INSN("movq %rax, %fs:0x28")
        INSN("movq %rax, %gs:(%rbx)")
        INSN("movq %cr3, %rax")
        INSN("movq %r8, %cr0")
        INSN("movq %cr8, %r9")
        INSN("movq %db7, %r15")
        INSN("movq %rax, %db0")
        INSN("rdmsr")
        INSN("wrmsr")
        INSN("cpuid")
        INSN("clts")
        INSN("hlt")
        INSN("wbinvd")
        INSN("invlpg (%rdi)")
        INSN("rdtsc")
        INSN("rdtscp")
        INSN("xsetbv")
        INSN("xgetbv")
        INSN("wrgsbase %rax")
        INSN("rdfsbase %r12")
        INSN("inb $0x60, %al")
        INSN("inw %dx, %ax")
        INSN("outl %eax, $0xcf")
        INSN("outb %al, %dx")
        INSN("outw %ax, $0x70")
        INSN("rep insw")
        INSN("rep outsb")
        INSN("rep stosq")
        INSN("rep movsb")
        INSN("cli")
        INSN("sti")
        INSN("int $0x80")
        INSN("int3")
        INSN("ud2")
        "known_end:\n"
        "refused_start:\n"
        INSN("ret")
        INSN(".byte 0xe8, 0, 0, 0, 0")
        INSN("pushq %rax")
        INSN("testl $1, (%rax)")
        INSN("testb $1, (%rax)")
        INSN("movaps %xmm0, (%rax)")
        INSN("vmovdqu %ymm0, (%rax)")
        INSN("pshufb %xmm0, %xmm1")
        INSN(".byte 0x48, 0x66, 0x89, 0x03") /* a prefix after REX */
        "refused_end:\n"
        ".popsection\n"); /* clang-format on */

/* regs into the processor, all but rsp; call; the result. */
uint64_t call_with_regs(const struct cpu_regs *regs, const void *code);
__asm__(".text\n"
        "call_with_regs:\n"
        "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "push %rsi\n"
        "mov 0(%rdi), %r15; mov 8(%rdi), %r14; mov 16(%rdi), %r13\n"
        "mov 24(%rdi), %r12; mov 32(%rdi), %rbp; mov 40(%rdi), %rbx\n"
        "mov 48(%rdi), %r11; mov 56(%rdi), %r10; mov 64(%rdi), %r9\n"
        "mov 72(%rdi), %r8; mov 80(%rdi), %rax; mov 88(%rdi), %rcx\n"
        "mov 96(%rdi), %rdx; mov 104(%rdi), %rsi; mov 112(%rdi), %rdi\n"
        "call *(%rsp)\n"
        "pop %rsi\n"
        "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
        "ret\n");

static struct cpu_regs regs;

static void random_regs(void)
{
    uint8_t *p = (uint8_t *)&regs;

    for (size_t i = 0; i < sizeof(regs); i++)
        p[i] = (uint8_t)rand();
}

static void lengths_equal_the_assembler(void **state)
{
    (void)state;
    for (const struct entry *e = known_start; e < known_end; e++) {
        unsigned int len = (unsigned int)(e->end - e->start);
        struct insn in;
        int rc = insn_decode(&in, e->start, INSN_MAX_LEN, true);

        if (rc != 0 || in.len != len)
            fail_msg("%s: rc %d, length %u, is %u", e->name, rc, in.len, len);
    }
}

static void addresses_equal_the_processor(void **state)
{
    (void)state;
    srand(17);
    for (const struct entry *e = known_start; e < known_end; e++) {
        struct insn in;

        if (e->lea == NULL)
            continue;
        assert_int_equal(insn_decode(&in, e->start, INSN_MAX_LEN, true), 0);
        for (unsigned int i = 0; i < 20; i++) {
            uint64_t is;

            random_regs();
            is = call_with_regs(&regs, e->lea);
            if (insn_mem_offset(&in, &regs) != is)
                fail_msg("%s: %#lx, is %#lx", e->name,
                         insn_mem_offset(&in, &regs), is);
        }
    }
}

static void special_operands(void **state)
{
    static const uint8_t rip[] = {0x48, 0x89, 0x05, 0x10, 0, 0, 0};
    static const uint8_t rip_imm[] = {0xc7, 0x05, 0xe0, 0xff, 0xff,
                                      0xff, 5,    0,    0,    0};
    static const uint8_t rsp[] = {0x48, 0x89, 0x44, 0x24, 0x08};
    static const uint8_t fs[] = {0x64, 0x48, 0x89, 0x04, 0x25, 0x28, 0, 0, 0};
    struct insn in;

    (void)state;
    random_regs();
    /* Relative to the next instruction, immediates included. */
    assert_int_equal(insn_decode(&in, rip, sizeof(rip), true), 0);
    assert_true(insn_mem_offset(&in, &regs) == regs.rip + 7 + 0x10);
    assert_int_equal(insn_decode(&in, rip_imm, sizeof(rip_imm), true), 0);
    assert_true(insn_mem_offset(&in, &regs) == regs.rip + 10 - 0x20);
    assert_int_equal(in.imm, 5);
    assert_int_equal(insn_decode(&in, rsp, sizeof(rsp), true), 0);
    assert_true(insn_mem_offset(&in, &regs) == regs.rsp + 8);
    assert_int_equal(insn_mem_seg(&in), SEG_SS);
    assert_int_equal(insn_decode(&in, fs, sizeof(fs), true), 0);
    assert_int_equal(insn_mem_seg(&in), SEG_FS);
    assert_int_equal(insn_mem_linear(&in, &regs, 0x1000, 0x2000), 0x1028);
}

static void what_is_not_ours_is_refused(void **state)
{
    (void)state;
    for (const struct entry *e = refused_start; e < refused_end; e++) {
        struct insn in;

        if (insn_decode(&in, e->start, INSN_MAX_LEN, true) != -EOPNOTSUPP)
            fail_msg("%s was taken, length %u", e->name, in.len);
    }
}

/* Every way to cut an instruction off asks for more, and reads no further. */
static void cut_instructions_ask_for_more(void **state)
{
    (void)state;
    for (const struct entry *e = known_start; e < known_end; e++) {
        unsigned int len = (unsigned int)(e->end - e->start);

        for (unsigned int nr = 0; nr < len; nr++) {
            uint8_t *exact = malloc(nr + !nr);
            struct insn in;

            memcpy(exact, e->start, nr);
            assert_int_equal(insn_decode(&in, exact, nr, true), -ENODATA);
            free(exact);
        }
    }
}

/* Anything at all: no crash, no read beyond, no length beyond 15. */
static void random_bytes_do_no_harm(void **state)
{
    unsigned int taken = 0;

    (void)state;
    srand(19);
    for (unsigned int round = 0; round < 200000; round++) {
        unsigned int nr = (unsigned int)rand() % 17;
        uint8_t *exact = malloc(nr + !nr);
        struct insn in;
        int rc;

        for (unsigned int i = 0; i < nr; i++)
            exact[i] = (uint8_t)(rand() % 3 ? rand() : 0x66 + rand() % 2);
        rc = insn_decode(&in, exact, nr, rand() % 2);
        assert_true(rc == 0 || rc == -EOPNOTSUPP || rc == -ENODATA);
        if (rc == 0) {
            taken++;
            assert_in_range(in.len, 1, nr < INSN_MAX_LEN ? nr : INSN_MAX_LEN);
            random_regs();
            if (in.has_modrm && in.mod != 3)
                (void)insn_mem_linear(&in, &regs, 1, 2);
        }
        free(exact);
    }
    assert_true(taken > 1000);
}

static void partial_registers(void **state)
{
    struct insn in = {.code64 = true};
    struct cpu_regs r = {.rax = 0x1122334455667788, .rsi = ~0ULL};

    (void)state;
    assert_int_equal(insn_reg_read(&in, &r, 4, 1), 0x77); /* AH */
    in.rex = 0x40;
    assert_int_equal(insn_reg_read(&in, &r, 6, 1), 0xff); /* SIL */
    in.rex = 0;
    insn_reg_write(&in, &r, 4, 1, 0xaa);
    assert_true(r.rax == 0x112233445566aa88);
    insn_reg_write(&in, &r, 0, 2, 0xbbbb);
    assert_true(r.rax == 0x112233445566bbbb);
    insn_reg_write(&in, &r, 0, 4, 0x1cccccccc);
    assert_true(r.rax == 0xcccccccc);
    insn_reg_write(&in, &r, 6, 8, 5);
    assert_true(r.rsi == 5);
}

/* Whatever the short way takes, the full decoder takes, and as the same. */
static void plain_forms_are_what_they_are(void **state)
{
    unsigned int taken = 0;

    (void)state;
    for (uint32_t n = 0; n < 1U << 24; n++) {
        uint64_t bytes = n | (uint64_t)(n * 2654435761U) << 24;
        struct insn plain, full;

        if (!insn_decode_plain(&plain, bytes))
            continue;
        taken++;
        memset(&full, 0, sizeof(full));
        assert_int_equal(insn_decode(&full, &bytes, sizeof(bytes), true), 0);
        assert_int_equal(plain.len, full.len);
        assert_int_equal(plain.opcode, full.opcode);
        assert_int_equal(plain.op_size, full.op_size);
        assert_int_equal(plain.rex, full.rex);
        assert_false(full.lock || full.rep || full.repne);
        if (full.has_modrm) {
            assert_int_equal(plain.modrm, full.modrm);
            if ((full.opcode & 0xfffc) == 0x0f20) {
                assert_int_equal(plain.reg, full.reg);
                assert_int_equal(plain.rm, full.rm);
            }
        }
        if (full.opcode < 0xe8)
            assert_int_equal(plain.imm, full.imm & 0xff);
    }
    assert_true(taken > 500000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_equal_the_assembler),
        cmocka_unit_test(addresses_equal_the_processor),
        cmocka_unit_test(special_operands),
        cmocka_unit_test(what_is_not_ours_is_refused),
        cmocka_unit_test(cut_instructions_ask_for_more),
        cmocka_unit_test(random_bytes_do_no_harm),
        cmocka_unit_test(partial_registers),
        cmocka_unit_test(plain_forms_are_what_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
