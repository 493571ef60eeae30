/* SPDX-License-Identifier: MIT */
/*
 * Interrupt handlers take locks independently of what they interrupted: the
 * check of lock ranks starts anew in them.
 */
#ifndef ASM_LOCKDEBUG_H
#define ASM_LOCKDEBUG_H

#ifdef TRELLIS_DEBUG
unsigned int lock_context_enter(void);
void lock_context_leave(unsigned int base);
#else
static inline unsigned int lock_context_enter(void)
{
    return 0;
}
static inline void lock_context_leave(unsigned int base)
{
    (void)base;
}
#endif

#endif
