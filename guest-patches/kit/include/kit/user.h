/* SPDX-License-Identifier: MIT */
/*
 * User mode: a second L4 with one small user area, and a call that runs code
 * there until it comes back by system call, exception or interrupt gate.
 */
#ifndef KIT_USER_H
#define KIT_USER_H

#include <kit/cpu.h>

/* The user area: USER_PAGES pages, in both L4s, user accessible. */
#define USER_BASE      0x400000UL
#define USER_PAGES     64U
#define USER_DATA      (USER_BASE + 32 * PAGE_SIZE)
#define USER_STACK_TOP (USER_BASE + USER_PAGES * PAGE_SIZE - 64)

#define USER_CS64 0xe033
#define USER_CS32 0xe023
#define USER_SS   0xe02b

void user_init(void);

/* Copy code to USER_BASE + offset (bytes); returns its user address. */
uint64_t user_load(unsigned int offset, const void *code, size_t len_bytes);

/* The kernel's (read and write) view of a user address of the area. */
void *user_view(uint64_t va);

/* Initial register state: rip, the default stack, 64-bit flat segments. */
struct regs user_regs(uint64_t rip);

/*
 * Enter user mode with *r; on the way back *r holds the state at the entry to
 * the kernel. Returns its vector (kit/trap.h).
 */
unsigned int user_run(struct regs *r);

/* State of the last way back. */
uint8_t user_last_mask(void);
uint64_t user_last_cr2(void);

/* Machine frame of the user L4, and of the area's L1. */
uint64_t user_root_mfn(void);
uint64_t user_l1_mfn(void);

/* From trap_dispatch(); does not return. */
void user_leave(struct cpu *cpu, const struct regs *r) NORETURN;

#endif
