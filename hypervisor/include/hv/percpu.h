/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU variables. Defined in section .percpu of the image (the master
 * copy); every CPU has a copy at this_cpu_offset() from it. CPU 0 uses its own
 * copy from the first C instruction on.
 */
#ifndef HV_PERCPU_H
#define HV_PERCPU_H

#include <hv/cpumask.h>

#include <asm/cpu_info.h> /* this_cpu_offset(), smp_processor_id() */

#define DEFINE_PER_CPU(type, name) \
    __attribute__((section(".percpu"))) __typeof__(type) percpu_##name
#define DECLARE_PER_CPU(type, name) extern __typeof__(type) percpu_##name

extern unsigned long percpu_offset[MAX_CPUS];

/* The address arithmetic leaves the object that the compiler knows: it is not
 * told where the pointer came from. */
#define percpu_ptr(name, offset)                         \
    ({                                                   \
        char *base_ = (char *)&percpu_##name;            \
        __asm__("" : "+r"(base_));                       \
        (__typeof__(percpu_##name) *)(base_ + (offset)); \
    })
#define per_cpu(name, cpu) (*percpu_ptr(name, percpu_offset[cpu]))
#define this_cpu(name)     (*percpu_ptr(name, this_cpu_offset()))

#endif
