/* SPDX-License-Identifier: MIT */
/*
 * The log ring. The console lock guards it.
 */
#ifndef CORE_CONSOLE_RING_H
#define CORE_CONSOLE_RING_H

#include <hv/types.h>

void ring_put(const char *buf, size_t len);
/* Up to len bytes from *pos on, which moves; a lost position is corrected to
 * the oldest byte. Returns the number of bytes. */
uint32_t ring_get(uint32_t *pos, char *buf, uint32_t len);
uint32_t ring_first(void);
void ring_clear(void);
/* To a larger memory; size is a power of two. */
void ring_move(char *memory, uint32_t size);

#endif
