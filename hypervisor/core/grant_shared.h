/* SPDX-License-Identifier: MIT */
/*
 * Every access to words that a guest can write at the same moment. Nothing
 * else touches the pages shared with it while the domain runs, so each word is
 * read once and changed by one instruction.
 *
 * GRANT_SHARED_MODEL: the model checker has its own functions, which let other
 * threads run before each access (tests/unit/grant_model.c).
 */
#ifndef CORE_GRANT_SHARED_H
#define CORE_GRANT_SHARED_H

#include <hv/types.h>

#ifdef GRANT_SHARED_MODEL

uint32_t shared_read32(const uint32_t *p);
uint64_t shared_read64(const uint64_t *p);
bool shared_cmpxchg32(uint32_t *p, uint32_t *old, uint32_t new);
void shared_clear_bits16(uint16_t *p, uint16_t bits);
void shared_set_bits16(uint16_t *p, uint16_t bits);
void shared_write16(uint16_t *p, uint16_t v);
void shared_fence(void);

#else

static inline uint32_t shared_read32(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline uint64_t shared_read64(const uint64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

/* As the builtin: *old is refreshed on failure. */
static inline bool shared_cmpxchg32(uint32_t *p, uint32_t *old, uint32_t new)
{
    return __atomic_compare_exchange_n(p, old, new, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

static inline void shared_clear_bits16(uint16_t *p, uint16_t bits)
{
    __atomic_fetch_and(p, (uint16_t)~bits, __ATOMIC_SEQ_CST);
}

static inline void shared_set_bits16(uint16_t *p, uint16_t bits)
{
    __atomic_fetch_or(p, bits, __ATOMIC_SEQ_CST);
}

/* Ordered after what this CPU read and wrote before. */
static inline void shared_write16(uint16_t *p, uint16_t v)
{
    __atomic_store_n(p, v, __ATOMIC_RELEASE);
}

/* The writes before are seen by others before the reads after are done. */
static inline void shared_fence(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#endif

#endif
