/* SPDX-License-Identifier: MIT */
/* The explorer: threads on stacks of their own, choices, states seen. */
#include "explore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STACK_BYTES 65536
#define MAX_DEPTH   4000

static const struct model *model;
static struct thread {
    void *sp; /* while it does not run */
    char *stack;
    uint64_t saw;
    unsigned int steps;
    /* The same when it last wrote: a loop that waits forgets what it read. */
    uint64_t wrote_saw;
    unsigned int wrote_steps;
    uint64_t waits_for; /* more writes than this many; 0: for nothing */
    bool ended;
} threads[MODEL_MAX_THREADS];
static unsigned int running;
static void *explorer_sp;
static const char *wrong;

/* The choices of this execution; up to `replayed` they are given. */
static struct choice {
    uint8_t of, taken;
} path[MAX_DEPTH];
static unsigned int depth, replayed;
static uint64_t total_writes;

/* ---- states seen ---- */

static uint64_t *seen;
static uint64_t seen_size, nr_seen;

static bool seen_insert(uint64_t *table, uint64_t size, uint64_t key)
{
    uint64_t i = key & (size - 1);

    while (table[i] != 0) {
        if (table[i] == key)
            return false;
        i = (i + 1) & (size - 1);
    }
    table[i] = key;
    return true;
}

static void seen_grow(void)
{
    uint64_t size = seen_size ? 2 * seen_size : 1 << 16;
    uint64_t *table = calloc(size, sizeof(*table));

    if (!table)
        abort();
    for (uint64_t i = 0; i < seen_size; i++)
        if (seen[i])
            (void)seen_insert(table, size, seen[i]);
    free(seen);
    seen = table;
    seen_size = size;
}

static bool is_new(uint64_t key)
{
    if (2 * nr_seen >= seen_size)
        seen_grow();
    if (!seen_insert(seen, seen_size, key ?: 1))
        return false;
    nr_seen++;
    return true;
}

uint64_t model_mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9fb21c651e98df25UL;
    return hash ^ hash >> 29;
}

static uint64_t state_hash(void)
{
    uint64_t h = model->hash();

    for (unsigned int t = 0; t < model->nr_threads; t++) {
        h = model_mix(h, threads[t].saw);
        h = model_mix(h, threads[t].steps * 2UL + threads[t].ended);
        h = model_mix(h, threads[t].waits_for != 0 &&
                             threads[t].waits_for == total_writes);
    }
    return h;
}

/* ---- threads ---- */

/* From one stack to another; what a function must keep is kept on them. */
void model_switch(void **save_sp, void *load_sp);
__asm__(".globl model_switch\n"
        "model_switch:\n"
        "push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15\n"
        "mov %rsp, (%rdi)\n"
        "mov %rsi, %rsp\n"
        "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp\n"
        "ret\n");

static void pause_thread(void)
{
    model_switch(&threads[running].sp, explorer_sp);
}

/* Nothing of this counts while shared memory is set up or checked. */
static bool in_thread;

void model_step(void)
{
    if (!in_thread)
        return;
    threads[running].steps++;
    pause_thread();
}

uint64_t model_saw(uint64_t value)
{
    if (!in_thread)
        return value;
    threads[running].saw = model_mix(threads[running].saw, value);
    return value;
}

/* What a loop that waits goes back to. */
static void loop_starts(void)
{
    threads[running].wrote_saw = threads[running].saw;
    threads[running].wrote_steps = threads[running].steps;
}

void model_forget(uint64_t all_it_knows)
{
    threads[running].saw = all_it_knows;
    threads[running].steps = 0;
    loop_starts();
}

void model_wrote(void)
{
    if (!in_thread)
        return;
    total_writes++;
    loop_starts();
}

void model_wait(const void *where)
{
    struct thread *t = &threads[running];

    t->saw = model_mix(t->wrote_saw, (uint64_t)where);
    t->steps = t->wrote_steps + 1;
    t->waits_for = total_writes;
    pause_thread();
}

static unsigned int choose(unsigned int n)
{
    if (depth >= MAX_DEPTH)
        abort();
    if (depth == replayed) {
        path[depth] = (struct choice){(uint8_t)n, 0};
        replayed++;
    }
    return path[depth++].taken;
}

unsigned int model_choose(unsigned int n)
{
    return (unsigned int)model_saw(choose(n));
}

void model_wrong(const char *what)
{
    wrong = what;
    threads[running].ended = true;
    for (;;)
        pause_thread();
}

static void thread_main(void)
{
    unsigned int t = running;

    model->thread[t]();
    threads[t].ended = true;
    for (;;)
        pause_thread();
}

static void start_threads(void)
{
    for (unsigned int t = 0; t < model->nr_threads; t++) {
        struct thread *th = &threads[t];

        if (!th->stack)
            th->stack = malloc(STACK_BYTES);
        th->saw = th->steps = 0;
        th->wrote_saw = th->wrote_steps = 0;
        th->waits_for = 0;
        th->ended = false;
        /* Six registers, where to go, and no way back; the stack is then
         * aligned as after a call. */
        th->sp = th->stack + STACK_BYTES - 8 - 7 * 8;
        memset(th->sp, 0, 8 + 7 * 8);
        ((void (**)(void))th->sp)[6] = thread_main;
    }
}

static bool can_run(unsigned int t)
{
    return !threads[t].ended && threads[t].waits_for != total_writes;
}

static unsigned int runnable(unsigned int *list)
{
    unsigned int n = 0;

    for (unsigned int t = 0; t < model->nr_threads; t++)
        if (can_run(t))
            list[n++] = t;
    return n;
}

static void run_thread(unsigned int t)
{
    running = t;
    threads[t].waits_for = 0;
    model->run_on(t);
    in_thread = true;
    model_switch(&explorer_sp, threads[t].sp);
    in_thread = false;
}

/* ---- executions ---- */

/* False: it led to a state that was seen before. */
static bool execute(void)
{
    unsigned int list[MODEL_MAX_THREADS], n;

    depth = 0;
    total_writes = 1;
    model->reset();
    start_threads();
    while (!wrong && (n = runnable(list)) > 0) {
        unsigned int pick = 0;

        if (depth == replayed && !is_new(state_hash()))
            return false;
        if (n > 1)
            pick = choose(n);
        run_thread(list[pick]);
        if (!wrong)
            wrong = model->always();
    }
    for (unsigned int t = 0; t < model->nr_threads && !wrong; t++)
        if (!threads[t].ended)
            wrong = "threads wait for each other";
    if (!wrong)
        wrong = model->finally();
    return true;
}

/* The next path: the last choice that has an alternative takes it. */
static bool next_path(void)
{
    replayed = depth;
    while (replayed > 0) {
        struct choice *c = &path[replayed - 1];

        if (c->taken + 1 < c->of) {
            c->taken++;
            return true;
        }
        replayed--;
    }
    return false;
}

struct model_result model_explore(const struct model *m, uint64_t max_states)
{
    struct model_result r = {.complete = true};

    model = m;
    wrong = NULL;
    replayed = 0;
    nr_seen = 0;
    if (seen)
        memset(seen, 0, seen_size * sizeof(*seen));
    do {
        (void)execute();
        r.executions++;
        r.longest = depth > r.longest ? depth : r.longest;
        if (nr_seen > max_states) {
            r.complete = false;
            break;
        }
    } while (!wrong && next_path());
    r.wrong = wrong;
    r.states = nr_seen;
    return r;
}
