/* SPDX-License-Identifier: MIT */
/*
 * Every access to words that a guest can write at the same moment. Nothing
 * else touches the pages shared with it while the domain runs, so each word is
 * read once and changed by one instruction.
 *
 * GRANT_STEP: the model checker (tests/unit/grant_model.c) stops here and lets
 * others run; it also gives its own GRANT_STORE and GRANT_FENCE, which know of
 * store buffers.
 */
#ifndef CORE_GRANT_SHARED_H
#define CORE_GRANT_SHARED_H

#include <hv/types.h>

#ifndef GRANT_STEP
#define GRANT_STEP()      ((void)0)
#define GRANT_STORE(p, v) WRITE_ONCE(*(p), v)
#define GRANT_FENCE()     __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define GRANT_LOAD(p)     __atomic_load_n((p), __ATOMIC_ACQUIRE)
#endif

static inline uint32_t shared_read32(const uint32_t *p)
{
    GRANT_STEP();
    return GRANT_LOAD(p);
}

static inline uint64_t shared_read64(const uint64_t *p)
{
    GRANT_STEP();
    return GRANT_LOAD(p);
}

/* As the builtin: *old is refreshed on failure. */
static inline bool shared_cmpxchg32(uint32_t *p, uint32_t *old, uint32_t new)
{
    GRANT_STEP();
    return __atomic_compare_exchange_n(p, old, new, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

static inline void shared_clear_bits16(uint16_t *p, uint16_t bits)
{
    GRANT_STEP();
    __atomic_fetch_and(p, (uint16_t)~bits, __ATOMIC_SEQ_CST);
}

static inline void shared_set_bits16(uint16_t *p, uint16_t bits)
{
    GRANT_STEP();
    __atomic_fetch_or(p, bits, __ATOMIC_SEQ_CST);
}

/* Ordered after what this CPU did before. */
static inline void shared_write16(uint16_t *p, uint16_t v)
{
    GRANT_STEP();
    barrier();
    GRANT_STORE(p, v);
}

/* The writes before are seen by others before the reads after are done. */
static inline void shared_fence(void)
{
    GRANT_STEP();
    GRANT_FENCE();
}

#endif
