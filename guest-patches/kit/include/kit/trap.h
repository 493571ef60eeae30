/* SPDX-License-Identifier: MIT */
/*
 * Exceptions, callbacks and the way back.
 *
 * Every entry from the hypervisor (exception, event upcall, system call) ends
 * in one C dispatcher with a struct regs. An exception is then, in this order,
 * given to the caller of user_run() if user mode raised it, to the hook, to the
 * fix-up table, or to the innermost trap_catch(); what nobody wants is a panic.
 */
#ifndef KIT_TRAP_H
#define KIT_TRAP_H

#include <kit/types.h>

/* Vectors of the callbacks, above those of the processor. */
enum {
    VEC_EVENT = 0x100,
    VEC_SYSCALL,
    VEC_SYSCALL32,
    VEC_SYSENTER,
    VEC_FAILSAFE,
};

enum {
    VEC_DE = 0,
    VEC_DB = 1,
    VEC_NMI = 2,
    VEC_BP = 3,
    VEC_OF = 4,
    VEC_BR = 5,
    VEC_UD = 6,
    VEC_NM = 7,
    VEC_DF = 8,
    VEC_TS = 10,
    VEC_NP = 11,
    VEC_SS = 12,
    VEC_GP = 13,
    VEC_PF = 14,
    VEC_MF = 16,
    VEC_AC = 17,
    VEC_MC = 18,
    VEC_XM = 19,
};

#define PF_PRESENT 0x1
#define PF_WRITE   0x2
#define PF_USER    0x4
#define PF_FETCH   0x10

#define RFLAGS_CF   0x1UL
#define RFLAGS_TF   0x100UL
#define RFLAGS_IF   0x200UL
#define RFLAGS_DF   0x400UL
#define RFLAGS_IOPL 0x3000UL
#define RFLAGS_NT   0x4000UL
#define RFLAGS_RF   0x10000UL
#define RFLAGS_VM   0x20000UL
#define RFLAGS_AC   0x40000UL
#define RFLAGS_ID   0x200000UL

/*
 * traps.S builds it: rcx upward is the frame as the hypervisor pushed it, but
 * for error, which is inserted as 0 where the vector has none.
 */
struct regs {
    uint64_t r15, r14, r13, r12, rbp, rbx, r10, r9, r8, rdx, rsi, rdi, rax;
    uint64_t vector;
    uint64_t rcx, r11, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

/* The eleven words of a failsafe entry, lowest first. */
struct failsafe_frame {
    uint64_t rcx, r11, ds, es, fs, gs, rip, cs, rflags, rsp, ss;
};

/* What the last exception that a catch or a fix-up took looked like. */
struct trap_record {
    struct regs regs;
    uint64_t cr2;
    uint64_t frame;     /* where the hypervisor's frame began: address of rcx */
    uint8_t mask_after; /* evtchn_upcall_mask in the handler */
    unsigned int count;
};

/* Upcall mask of the interrupted code: bits 32..39 of the saved cs. */
static inline uint8_t regs_saved_mask(const struct regs *r)
{
    return (uint8_t)(r->cs >> 32);
}

static inline bool regs_from_user(const struct regs *r)
{
    return (r->cs & 3) == 3;
}

void trap_init(void);

/* (Re)register one vector with its trap_info flags; address 0 is allowed. */
long trap_register(uint8_t vector, uint8_t flags);
long trap_unregister(uint8_t vector);
long callback_register(unsigned int type, unsigned int flags, uint64_t entry);
uint64_t trap_stub(unsigned int vector);

/*
 * Call fn(arg) and take the first exception it raises in kernel mode.
 * Returns true if there was one; trap_last() then describes it.
 */
bool trap_catch(void (*fn)(void *), void *arg);
struct trap_record *trap_last(void);

/* The hook sees exceptions first; true: handled, resume with what is in r. */
typedef bool (*trap_hook_t)(struct regs *r);
void trap_set_hook(trap_hook_t hook);

/* Entries of the fix-up table: a fault at `from` resumes at `to`. */
#define EXTABLE(from, to)                                              \
    ".pushsection .kit.extable, \"a\"\n.balign 8\n.quad " from ", " to \
    "\n.popsection\n"

void regs_print(const struct regs *r);
void panic(const char *format, ...) PRINTF_LIKE(1, 2) NORETURN;

/* Called by assembly. */
void trap_dispatch(struct regs *r);
void trap_failsafe(struct failsafe_frame *f);

/* Leave to the state in *r by the iret hypercall; never returns here. */
void trap_resume(const struct regs *r) NORETURN;

extern unsigned int failsafe_count;
extern struct failsafe_frame failsafe_last;

#endif
