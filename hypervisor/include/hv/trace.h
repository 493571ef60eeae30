/* SPDX-License-Identifier: MIT */
/*
 * Tracing: events with up to seven words into the ring of the CPU where they
 * happen (core/trace.c, docs/observability.md). Off, it costs one test where
 * TRACE() stands; entries of guests (hypercalls, exceptions) are traced by
 * other tables of handlers, and cost nothing.
 */
#ifndef HV_TRACE_H
#define HV_TRACE_H

#include <hv/cpumask.h>
#include <hv/types.h>

#include <public/trace.h>

struct vcpu;
struct xen_sysctl_tbuf_op;

extern bool trace_active;

/* Any context but NMI; cheap to refuse. nr <= TRACE_EXTRA_MAX words. */
void trace_record(uint32_t event, unsigned int nr, const uint32_t *words);

/* TRACE(event, word...) */
#define TRACE(event, ...)                                                      \
    do {                                                                       \
        if (unlikely(READ_ONCE(trace_active))) {                               \
            const uint32_t words_[] = {__VA_ARGS__};                           \
            trace_record((event), sizeof(words_) / sizeof(words_[0]), words_); \
        }                                                                      \
    } while (0)
/* A 64-bit value as two words. */
#define TRACE_64(v) (uint32_t)(v), (uint32_t)((uint64_t)(v) >> 32)
/* A vcpu as one. */
#define TRACE_VCPU(v) ((uint32_t)(v)->domain->id << 16 | (v)->id)
/* Ours, in the class of memory: a frame has got or lost a validated type.
 * Frame (two words), type. */
#define TRC_MEM_TYPE_GET (TRC_MEM + 0x80)
#define TRC_MEM_TYPE_PUT (TRC_MEM + 0x81)

/* tbuf_op but for the mask of CPUs: 0 or -Exxx. */
int trace_control(struct xen_sysctl_tbuf_op *op);
void trace_set_cpus(const cpumask_t *cpus);
void trace_init(void);

#endif
