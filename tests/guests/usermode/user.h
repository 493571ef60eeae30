/* SPDX-License-Identifier: MIT */
/*
 * The pieces of user code of user.S; each is copied to the user area.
 */
#ifndef USERMODE_USER_H
#define USERMODE_USER_H

#include <kit/types.h>

#define USER_CODE(name) extern const char name[], name##_end[]

USER_CODE(code_syscall);
USER_CODE(code_syscall_std);
USER_CODE(code_int80);
USER_CODE(code_int3);
USER_CODE(code_int4);
USER_CODE(code_int20);
USER_CODE(code_ud2);
USER_CODE(code_read);
USER_CODE(code_write);
USER_CODE(code_jump);
USER_CODE(code_hlt);
USER_CODE(code_cli);
USER_CODE(code_in);
USER_CODE(code_rdmsr);
USER_CODE(code_step);
USER_CODE(code_read_fs);
USER_CODE(code_read_gs);
USER_CODE(code_gs_base);
USER_CODE(code_selectors);
USER_CODE(code_div);
USER_CODE(code_sysenter);
USER_CODE(code_fninit);
USER_CODE(code_spin);
USER_CODE(code32_int80);
USER_CODE(code32_syscall);
USER_CODE(code32_sysenter);
USER_CODE(code32_ud2);

/* Entries that note the flags at their first instruction, then go on to the
 * ordinary stubs. */
void probe_syscall(void);
void probe_exception(void);
extern uint64_t probed_flags;

#endif
