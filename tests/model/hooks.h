/* SPDX-License-Identifier: MIT */
/*
 * Forced into the sources under the model: in front of every access that is
 * meant to be atomic another thread may run, and what it read is noted.
 */
#ifndef MODEL_HOOKS_H
#define MODEL_HOOKS_H

#include "explore.h"

#include <hv/types.h>

#undef READ_ONCE
#undef WRITE_ONCE
#define READ_ONCE(x)                                                 \
    ({                                                               \
        model_step();                                                \
        __typeof__(x) read_ = *(const volatile __typeof__(x) *)&(x); \
        (void)model_saw((uint64_t)read_);                            \
        read_;                                                       \
    })
#define WRITE_ONCE(x, v)                          \
    ({                                            \
        __typeof__(x) write_ = (v);               \
        model_step();                             \
        *(volatile __typeof__(x) *)&(x) = write_; \
        model_wrote();                            \
    })

#define __atomic_load_n(p, order)                               \
    ({                                                          \
        model_step();                                           \
        __typeof__(*(p) + 0) load_ = __atomic_load_n(p, order); \
        (void)model_saw((uint64_t)load_);                       \
        load_;                                                  \
    })
#define __atomic_store_n(p, v, order)       \
    ({                                      \
        __typeof__(*(p)) store_ = (v);      \
        model_step();                       \
        __atomic_store_n(p, store_, order); \
        model_wrote();                      \
    })
#define MODEL_FETCH(call)                \
    ({                                   \
        model_step();                    \
        __typeof__(call) old_ = (call);  \
        (void)model_saw((uint64_t)old_); \
        model_wrote();                   \
        old_;                            \
    })
#define __atomic_fetch_or(p, v, order) \
    MODEL_FETCH(__atomic_fetch_or(p, v, order))
#define __atomic_fetch_and(p, v, order) \
    MODEL_FETCH(__atomic_fetch_and(p, v, order))
#define __atomic_fetch_add(p, v, order) \
    MODEL_FETCH(__atomic_fetch_add(p, v, order))
#define __atomic_fetch_sub(p, v, order) \
    MODEL_FETCH(__atomic_fetch_sub(p, v, order))
#define __atomic_exchange_n(p, v, order) \
    MODEL_FETCH(__atomic_exchange_n(p, v, order))
#define __atomic_compare_exchange_n(p, old, new, weak, s, f)                \
    ({                                                                      \
        __typeof__(*(old)) new_ = (new);                                    \
        model_step();                                                       \
        bool done_ = __atomic_compare_exchange_n(p, old, new_, weak, s, f); \
        (void)model_saw((uint64_t) * (old)*2 + done_);                      \
        if (done_)                                                          \
            model_wrote();                                                  \
        done_;                                                              \
    })

#endif
