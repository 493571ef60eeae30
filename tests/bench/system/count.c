/* SPDX-License-Identifier: MIT */
/*
 * A plugin of QEMU that counts the instructions of a paravirtualized machine
 * with one CPU, apart for hypervisor, kernels and programs. Waiting in HLT
 * costs none. Arguments:
 *
 *   out=FILE      what it writes (see below)
 *   entry=HEX     the hypervisor's first instruction
 *   marks=HEX     for which marks the single addresses are written too: a mask
 *
 * A program marks a place by a long NOP, 0F 1F 80 and the word MARK + number.
 * Two marks come by themselves: the hypervisor's first instruction and its
 * first guest's first one. Lines of the file:
 *
 *   mark NUMBER LOW HYPERVISOR KERNEL STEPS   instructions so far
 *   at ADDRESS TIMES                          since the last mark
 *
 * LOW is everything in the lower half: programs, and before them the firmware
 * and the hypervisor's first steps. The rest is split by the ABI's layout:
 * 0xffff800000000000-0xffff87ffffffffff is the hypervisor's. STEPS are those of
 * repeated string instructions, which the others contain: -icount and this
 * plugin count each, a processor does many at a time.
 *
 * The interface is that of QEMU 7.2 (its manual, "QEMU TCG Plugins"); Debian
 * packages no header of it, so what is used is declared here.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

struct qemu_plugin_tb;
struct qemu_plugin_insn;

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(
    const struct qemu_plugin_tb *tb, size_t idx);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_tb_trans_cb(
    uint64_t id, void (*cb)(uint64_t id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
                                            void (*cb)(unsigned int vcpu,
                                                       void *data),
                                            int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn,
                                                int op, void *ptr,
                                                uint64_t imm);

#define CB_NO_REGS     0
#define INLINE_ADD_U64 0

EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc,
                               char **argv);

#define MARK 0x54520000u
enum {
    MARK_HYPERVISOR = 16,
    MARK_KERNEL
};

#define HV_START 0xffff800000000000u
#define HV_END   0xffff880000000000u

static FILE *out;
static uint64_t entry, marks, low, steps;
static bool hypervisor_began, kernel_began;

/* One counter for each address of the upper half, in a hash table that never
 * shrinks: QEMU keeps pointers to them. */
struct at {
    uint64_t address, times, seen;
    struct at *next_in_bucket;
};
#define BUCKETS (1u << 18)
static struct at *buckets[BUCKETS];

static struct at *find(uint64_t address)
{
    struct at **bucket = &buckets[(address ^ address >> 18) % BUCKETS];
    struct at *a;

    for (a = *bucket; a; a = a->next_in_bucket)
        if (a->address == address)
            return a;
    a = calloc(1, sizeof(*a));
    if (!a)
        abort();
    a->address = address;
    a->next_in_bucket = *bucket;
    *bucket = a;
    return a;
}

static void mark(unsigned int number)
{
    bool all = number < 64 && (marks >> number & 1);
    uint64_t hypervisor = 0, kernel = 0;

    for (unsigned int i = 0; i < BUCKETS; i++) {
        for (struct at *a = buckets[i]; a; a = a->next_in_bucket) {
            if (a->address < HV_END)
                hypervisor += a->times;
            else
                kernel += a->times;
            if (all && a->times != a->seen)
                fprintf(out, "at %" PRIx64 " %" PRIu64 "\n", a->address,
                        a->times - a->seen);
            a->seen = a->times;
        }
    }
    fprintf(out, "mark %u %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
            number, low, hypervisor, kernel, steps);
    fflush(out);
}

static void on_mark(unsigned int vcpu, void *data)
{
    (void)vcpu;
    mark((unsigned int)(uintptr_t)data);
}

/* The marks that come by themselves: what is translated is about to run. */
static void begin(uint64_t address)
{
    if (!hypervisor_began && address == entry) {
        hypervisor_began = true;
        mark(MARK_HYPERVISOR);
    } else if (!kernel_began && address >= HV_END) {
        kernel_began = true;
        mark(MARK_KERNEL);
    }
}

/* REP or REPNE before MOVS, CMPS, STOS, LODS, SCAS, INS or OUTS (Intel SDM
 * vol. 2); other prefixes may stand between. */
static bool is_repeated_string(const unsigned char *code, size_t bytes)
{
    bool repeated = false;
    size_t i = 0;

    while (i + 1 < bytes && (code[i] == 0xf2 || code[i] == 0xf3 ||
                             code[i] == 0x66 || (code[i] & 0xf0) == 0x40))
        repeated |= code[i] == 0xf2 || code[i] == 0xf3, i++;
    return repeated && i + 1 == bytes &&
           ((code[i] >= 0xa4 && code[i] <= 0xa7) ||
            (code[i] >= 0xaa && code[i] <= 0xaf) ||
            (code[i] >= 0x6c && code[i] <= 0x6f));
}

static void on_block(uint64_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        uint64_t address = qemu_plugin_insn_vaddr(insn);
        const unsigned char *code = qemu_plugin_insn_data(insn);
        size_t bytes = qemu_plugin_insn_size(insn);
        uint64_t *counter = &low;
        uint32_t word;

        begin(address);
        if (address >= HV_START) {
            counter = &find(address)->times;
        } else if (bytes == 7 && !memcmp(code, "\x0f\x1f\x80", 3)) {
            memcpy(&word, code + 3, sizeof(word));
            if (word >> 16 == MARK >> 16)
                qemu_plugin_register_vcpu_insn_exec_cb(
                    insn, on_mark, CB_NO_REGS,
                    (void *)(uintptr_t)(word & 0xffff));
        }
        qemu_plugin_register_vcpu_insn_exec_inline(insn, INLINE_ADD_U64,
                                                   counter, 1);
        if (is_repeated_string(code, bytes))
            qemu_plugin_register_vcpu_insn_exec_inline(insn, INLINE_ADD_U64,
                                                       &steps, 1);
    }
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "out=", 4))
            out = fopen(argv[i] + 4, "w");
        else if (!strncmp(argv[i], "entry=", 6))
            entry = strtoull(argv[i] + 6, NULL, 16);
        else if (!strncmp(argv[i], "marks=", 6))
            marks = strtoull(argv[i] + 6, NULL, 16);
    }
    if (!out) {
        fprintf(stderr, "count: no out=FILE that can be written\n");
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_block);
    return 0;
}
