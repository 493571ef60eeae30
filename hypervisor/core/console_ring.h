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
uint32_t ring_end(void);
/* What is before that position is forgotten. */
void ring_forget(uint32_t upto);

/* To its final place: memory of size (a power of two) and so much more. */
#define RING_OVERHEAD 64
void ring_move(void *memory, uint32_t size);
/* Before that: up to len of the last bytes that an earlier run left in that
 * memory, at most max_size large; 0 if there is nothing whole. */
uint32_t ring_recover(const void *memory, uint32_t max_size, char *buf,
                      uint32_t len);

#endif
