/* SPDX-License-Identifier: MIT */
/*
 * All interleavings of a few threads that run the hypervisor's own code. A
 * step of a thread goes from one access to shared memory to the next
 * (hooks.h puts model_step() in front of each); between steps any thread may
 * be next. Executions are repeated from the start, along one new choice each
 * time; a state seen before is not looked at again.
 *
 * What a thread knows is a function of what it has read, so a state is the
 * shared memory and, of each thread, a hash of its reads.
 */
#ifndef MODEL_EXPLORE_H
#define MODEL_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_MAX_THREADS 4

struct model {
    const char *name;
    unsigned int nr_threads;
    void (*thread[MODEL_MAX_THREADS])(void);
    /* Before each execution: shared memory as at the beginning. */
    void (*reset)(void);
    /* A hash of shared memory. */
    uint64_t (*hash)(void);
    /* Between any two steps: NULL, or what does not hold. */
    const char *(*always)(void);
    /* When all threads have ended. */
    const char *(*finally)(void);
    /* Thread t goes on: what it believes to run on. */
    void (*run_on)(unsigned int t);
};

/* Of a file whose functions have the names of what they are for. */
#define MODEL(text, from, ...)                                    \
    {                                                             \
        .name = (text), .reset = (from), .thread = {__VA_ARGS__}, \
        .hash = hash, .always = always, .finally = at_the_end,    \
        .run_on = host_run_on                                     \
    }

struct model_result {
    const char *wrong; /* NULL: it holds */
    uint64_t states, executions;
    unsigned int longest; /* steps */
    bool complete;        /* false: given up at max_states */
};

struct model_result model_explore(const struct model *m, uint64_t max_states);

/* ---- called by threads ---- */
/* Another thread may run now. */
void model_step(void);
/* What was read, or what an exchange returned. */
uint64_t model_saw(uint64_t value);
/* Between two operations: what follows depends on nothing but this value. */
void model_forget(uint64_t all_it_knows);
/* It has written. */
void model_wrote(void);
/* A loop waits until some other thread has written. Afterwards it knows
 * nothing of what it has read since it last wrote. Threads that wait for one
 * another are found by it, even if each looks again and again. */
void model_wait(const void *where);
/* One of n, all of which are tried. */
unsigned int model_choose(unsigned int n);
/* Something that must not be. */
void model_wrong(const char *what) __attribute__((noreturn));

uint64_t model_mix(uint64_t hash, uint64_t value);

#endif
