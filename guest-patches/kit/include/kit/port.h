/* SPDX-License-Identifier: MIT */
/*
 * I/O ports: for the control domain, with iopl or the emulation of the
 * instructions.
 */
#ifndef KIT_PORT_H
#define KIT_PORT_H

#include <kit/types.h>

static inline uint8_t in8(uint16_t port)
{
    uint8_t v;

    asm volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline void out8(uint16_t port, uint8_t v)
{
    asm volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline uint32_t in32(uint16_t port)
{
    uint32_t v;

    asm volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline void out32(uint16_t port, uint32_t v)
{
    asm volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

#endif
