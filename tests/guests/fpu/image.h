/* SPDX-License-Identifier: MIT */
/*
 * A vcpu's x87 and vector registers as a whole: an image of XSAVE with a
 * pattern of its own in every register of every component that the domain was
 * offered (Intel SDM vol. 1, "Managing State Using the XSAVE Feature Set").
 */
#ifndef IMAGE_H
#define IMAGE_H

#include <kit/types.h>

#define STATE_X87 0x1UL
#define STATE_SSE 0x2UL
#define STATE_AVX 0x4UL

struct image {
    uint8_t byte[4096];
} __attribute__((aligned(64)));

/* Components of every image, and the bytes that they need; 0: no XSAVE. Every
 * vcpu enables them for itself. */
extern uint64_t components;
extern unsigned int image_size;
void image_find_components(void);
void image_enable_components(void);

/* A pattern that no other `who` has in any register. */
void image_fill(struct image *i, unsigned int who);
/* What the registers hold after a reset. */
void image_reset(struct image *i);

void image_load(const struct image *i);
void image_save(struct image *i);

/* The registers' names differ: NULL if in none. What is no register (padding,
 * the header, addresses of the last x87 instruction) is not compared. */
const char *image_difference(const struct image *a, const struct image *b);

uint64_t xcr0_read(void);
/* False if it was refused. */
bool xcr0_write(uint64_t value);

struct leaf {
    uint32_t a, b, c, d;
};
/* As the hypervisor answers the domain, not as the processor does. */
struct leaf policy_cpuid(uint32_t leaf, uint32_t sub);

#endif
