/* SPDX-License-Identifier: MIT */
/*
 * Rings of requests and responses in one shared page, as the block and network
 * protocols use them: the frontend produces requests, the backend puts each
 * response into a slot whose request it has consumed.
 *
 * Indices run freely modulo 2^32; slot = index & (size - 1). The peer's
 * indices are only ever read from the shared page, ours only written to it:
 * the truth about ours is in the private front or back structure.
 *
 * req_event and rsp_event say which index the other side wants to be told
 * about: notify when the producer index passes it.
 */
#ifndef PUBLIC_IO_RING_H
#define PUBLIC_IO_RING_H

#include <stddef.h>
#include <stdint.h>

/* Stores reach memory in order on x86; loads and stores must not mix. */
#ifndef xen_mb
#define xen_mb()  __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#endif

typedef uint32_t RING_IDX;

/* The greatest power of two that is at most n (a constant, n > 0). */
#define XEN_RING_POW2(n) (1u << (31 - __builtin_clz((unsigned int)(n))))

/* Slots in a ring of type name##_sring of len bytes. */
#define __CONST_RING_SIZE(name, len)                            \
    XEN_RING_POW2(((len)-offsetof(struct name##_sring, ring)) / \
                  sizeof(union name##_sring_entry))
#define __RING_SIZE(sring, len)                                             \
    XEN_RING_POW2(                                                          \
        ((len) - (size_t)((uint8_t *)(sring)->ring - (uint8_t *)(sring))) / \
        sizeof((sring)->ring[0]))

/*
 * The types of one protocol: the shared page, the frontend's and the backend's
 * private views of it.
 */
#define DEFINE_RING_TYPES(name, req_t, rsp_t)             \
    union name##_sring_entry {                            \
        req_t req;                                        \
        rsp_t rsp;                                        \
    };                                                    \
    struct name##_sring {                                 \
        RING_IDX req_prod, req_event;                     \
        RING_IDX rsp_prod, rsp_event;                     \
        union {                                           \
            uint8_t pvt_pad[4];                           \
        } pvt;                                            \
        uint8_t __pad[44];                                \
        union name##_sring_entry ring[1];                 \
    };                                                    \
    struct name##_front_ring {                            \
        RING_IDX req_prod_pvt;                            \
        RING_IDX rsp_cons;                                \
        unsigned int nr_ents;                             \
        struct name##_sring *sring;                       \
    };                                                    \
    struct name##_back_ring {                             \
        RING_IDX rsp_prod_pvt;                            \
        RING_IDX req_cons;                                \
        unsigned int nr_ents;                             \
        struct name##_sring *sring;                       \
    };                                                    \
    typedef struct name##_sring name##_sring_t;           \
    typedef struct name##_front_ring name##_front_ring_t; \
    typedef struct name##_back_ring name##_back_ring_t

/* An empty ring: both sides want to hear of the first entry. */
#define SHARED_RING_INIT(s)                                              \
    do {                                                                 \
        (s)->req_prod = (s)->rsp_prod = 0;                               \
        (s)->req_event = (s)->rsp_event = 1;                             \
        __builtin_memset((s)->pvt.pvt_pad, 0, sizeof((s)->pvt.pvt_pad)); \
        __builtin_memset((s)->__pad, 0, sizeof((s)->__pad));             \
    } while (0)

#define FRONT_RING_ATTACH(r, s, i, len)     \
    do {                                    \
        (r)->req_prod_pvt = (i);            \
        (r)->rsp_cons = (i);                \
        (r)->nr_ents = __RING_SIZE(s, len); \
        (r)->sring = (s);                   \
    } while (0)
#define FRONT_RING_INIT(r, s, len) FRONT_RING_ATTACH(r, s, 0, len)

#define BACK_RING_ATTACH(r, s, i, len)      \
    do {                                    \
        (r)->rsp_prod_pvt = (i);            \
        (r)->req_cons = (i);                \
        (r)->nr_ents = __RING_SIZE(s, len); \
        (r)->sring = (s);                   \
    } while (0)
#define BACK_RING_INIT(r, s, len) BACK_RING_ATTACH(r, s, 0, len)

#define RING_SIZE(r) ((r)->nr_ents)
#define RING_GET_REQUEST(r, idx) \
    (&(r)->sring->ring[(idx) & (RING_SIZE(r) - 1)].req)
#define RING_GET_RESPONSE(r, idx) \
    (&(r)->sring->ring[(idx) & (RING_SIZE(r) - 1)].rsp)

/* Copy an entry out of the shared page, once: check the copy, not the page. */
#define RING_COPY_REQUEST(r, idx, dst) \
    (*(dst) = *(volatile __typeof__(dst))RING_GET_REQUEST(r, idx))
#define RING_COPY_RESPONSE(r, idx, dst) \
    (*(dst) = *(volatile __typeof__(dst))RING_GET_RESPONSE(r, idx))

/* Frontend: room for requests. */
#define RING_FREE_REQUESTS(r) \
    (RING_SIZE(r) - ((r)->req_prod_pvt - (r)->rsp_cons))
#define RING_FULL(r) (RING_FREE_REQUESTS(r) == 0)

/* Entries the peer has published and we have not consumed. */
#define RING_HAS_UNCONSUMED_RESPONSES(r) \
    (*(volatile RING_IDX *)&(r)->sring->rsp_prod - (r)->rsp_cons)
#define RING_HAS_UNCONSUMED_REQUESTS(r) \
    (*(volatile RING_IDX *)&(r)->sring->req_prod - (r)->req_cons)

/* A producer index no honest peer can have; the backend checks the second. */
#define RING_REQUEST_CONS_OVERFLOW(r, cons) \
    ((cons) - (r)->rsp_prod_pvt >= RING_SIZE(r))
#define RING_REQUEST_PROD_OVERFLOW(r, prod) \
    ((prod) - (r)->rsp_prod_pvt > RING_SIZE(r))
#define RING_RESPONSE_PROD_OVERFLOW(r, prod) \
    ((prod) - (r)->rsp_cons > RING_SIZE(r))

/* Publish what was produced; the peer sees the entries before the index. */
#define RING_PUSH_REQUESTS(r)                                            \
    do {                                                                 \
        xen_wmb();                                                       \
        *(volatile RING_IDX *)&(r)->sring->req_prod = (r)->req_prod_pvt; \
    } while (0)
#define RING_PUSH_RESPONSES(r)                                           \
    do {                                                                 \
        xen_wmb();                                                       \
        *(volatile RING_IDX *)&(r)->sring->rsp_prod = (r)->rsp_prod_pvt; \
    } while (0)

/* The event index lies in (prod before, prod now]: the peer asked for it. */
#define XEN_RING_PASSED(now, event, before) \
    ((RING_IDX)((now) - (event)) < (RING_IDX)((now) - (before)))

/* Publish, and set notify when the peer has to be told. */
#define RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(r, notify)                       \
    do {                                                                     \
        RING_IDX ring_before = (r)->sring->req_prod;                         \
        RING_PUSH_REQUESTS(r);                                               \
        xen_mb(); /* index written before the event index is read */         \
        (notify) = XEN_RING_PASSED((r)->req_prod_pvt, (r)->sring->req_event, \
                                   ring_before);                             \
    } while (0)
#define RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(r, notify)                      \
    do {                                                                     \
        RING_IDX ring_before = (r)->sring->rsp_prod;                         \
        RING_PUSH_RESPONSES(r);                                              \
        xen_mb(); /* index written before the event index is read */         \
        (notify) = XEN_RING_PASSED((r)->rsp_prod_pvt, (r)->sring->rsp_event, \
                                   ring_before);                             \
    } while (0)

/* Before sleeping: ask to be told of the next entry, then look once more. */
#define RING_FINAL_CHECK_FOR_REQUESTS(r, work)                       \
    do {                                                             \
        (work) = !!RING_HAS_UNCONSUMED_REQUESTS(r);                  \
        if (!(work)) {                                               \
            (r)->sring->req_event = (r)->req_cons + 1;               \
            xen_mb(); /* event index written before the last look */ \
            (work) = !!RING_HAS_UNCONSUMED_REQUESTS(r);              \
        }                                                            \
    } while (0)
#define RING_FINAL_CHECK_FOR_RESPONSES(r, work)                      \
    do {                                                             \
        (work) = !!RING_HAS_UNCONSUMED_RESPONSES(r);                 \
        if (!(work)) {                                               \
            (r)->sring->rsp_event = (r)->rsp_cons + 1;               \
            xen_mb(); /* event index written before the last look */ \
            (work) = !!RING_HAS_UNCONSUMED_RESPONSES(r);             \
        }                                                            \
    } while (0)

#endif
