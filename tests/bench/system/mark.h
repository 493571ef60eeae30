/* SPDX-License-Identifier: MIT */
/* Marks that count.c, the plugin of QEMU, looks for: a long NOP with a number
 * in it. */
#ifndef MARK_H
#define MARK_H

#define MARK(number)                                                          \
    __asm__ volatile(".byte 0x0f, 0x1f, 0x80\n.long 0x54520000 + " #number :: \
                         : "memory")

#define MARK_BEGIN MARK(0)
#define MARK_END   MARK(1)
#define MARK_MAIN  MARK(2)
#define MARK_WARM  MARK(3) /* the next pair of begin and end counts */

#endif
