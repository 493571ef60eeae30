/* SPDX-License-Identifier: MIT */
/*
 * The protocol of grant entries, by exhaustion: the hypervisor's own code and
 * an owner run as coroutines that stop before every access to shared words and
 * at every lock; all orders of their steps are tried. Stores may linger in a
 * store buffer (x86: a later read can overtake them), and when they become
 * visible is tried in all orders too.
 *
 * A coroutine's state is what it has read so far, so a state of the whole that
 * was met before need not be entered again.
 *
 * What is checked at every step: an owner who was told that its grant is not in
 * use any more is right; the frame in use is the one that is granted; who may
 * only read does not write. At the end nothing is pinned and no use bit set.
 */
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <hostarch.h>
#include <hv/domain.h>
#include <hv/spinlock.h>

#include <sanitizer/asan_interface.h>

#include "core/grant_fast.h"

#define REF         9 /* not a reserved one */
#define USER        3
#define MAX_THREADS 3
#define MAX_DEPTH   400
#define STACK       (256 * 1024)
#define VISITED     (1u << 20) /* hash table, a power of two */

/* ---- the table under test ---- */

static struct domain dom;
static char shared_page[PAGE_SIZE] ALIGNED(4096);
static grant_status_t status_page[STATUS_PER_FRAME] ALIGNED(4096);
static struct grant_active pins[V1_PER_FRAME];
static void *shared_pages[] = {shared_page};
static uint16_t *status_pages[] = {status_page};
static struct grant_active *active_pages[] = {pins};

struct domain *dom0;

int grant_grow_status(struct domain *d, uint32_t nr)
{
    (void)d;
    (void)nr;
    return 0;
}

int domain_assign_pages(struct domain *d, struct page_info *pg,
                        unsigned int order)
{
    (void)d;
    (void)pg;
    (void)order;
    return 0;
}

/* ---- coroutines ---- */

static struct thread {
    ucontext_t ctx;
    char *stack;
    void (*main)(void);
    bool done;
    const spinlock_t *waits_for;
    uint64_t history; /* hash of all it has read */
    struct {
        bool full;
        uint8_t size;
        void *p;
        uint64_t v;
    } buffer;
} threads[MAX_THREADS];
static unsigned int nr_threads;
static struct thread *running;
static ucontext_t scheduler;

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15UL;
    return h ^ h >> 29;
}

/* Others may run; then the access that follows is done at once. */
static void step(void)
{
    running->history = mix(running->history, 1);
    swapcontext(&running->ctx, &scheduler);
}

static uint64_t note(uint64_t v)
{
    running->history = mix(running->history, v + 2);
    return v;
}

static void drain(struct thread *t)
{
    if (!t->buffer.full)
        return;
    memcpy(t->buffer.p, &t->buffer.v, t->buffer.size);
    t->buffer.full = false;
}

static void store(void *p, uint64_t v, uint8_t size)
{
    step();
    drain(running);
    running->buffer.full = true;
    running->buffer.p = p;
    running->buffer.v = v;
    running->buffer.size = size;
}

/* One's own store is seen at once, by who reads it or a word around it. */
static uint64_t load(const void *p, uint8_t size)
{
    const char *b = running->buffer.p, *c = p;
    uint64_t v = 0;

    step();
    if (running->buffer.full && b < c + size && c < b + running->buffer.size)
        drain(running);
    memcpy(&v, p, size);
    return note(v);
}

uint32_t shared_read32(const uint32_t *p)
{
    return (uint32_t)load(p, 4);
}

uint64_t shared_read64(const uint64_t *p)
{
    return load(p, 8);
}

bool shared_cmpxchg32(uint32_t *p, uint32_t *old, uint32_t new)
{
    bool same;

    step();
    drain(running);
    same = *p == *old;
    *old = *p;
    if (same)
        *p = new;
    note(*old);
    return note(same);
}

void shared_clear_bits16(uint16_t *p, uint16_t bits)
{
    step();
    drain(running);
    *p &= (uint16_t)~bits;
}

void shared_set_bits16(uint16_t *p, uint16_t bits)
{
    step();
    drain(running);
    *p |= bits;
}

void shared_write16(uint16_t *p, uint16_t v)
{
    store(p, v, 2);
}

static bool fences = true;

void shared_fence(void)
{
    step();
    if (fences)
        drain(running);
}

/* Held: the field that debug builds use. A waiter runs when it can have it. */
void spin_lock(spinlock_t *l)
{
    step();
    while (l->cpu) {
        running->waits_for = l;
        step();
    }
    running->waits_for = NULL;
    drain(running);
    l->cpu = 1;
}

void spin_unlock(spinlock_t *l)
{
    assert_int_equal(l->cpu, 1);
    drain(running);
    l->cpu = 0;
}

/* Asked for every entry of the table; only one is of interest. */
bool spin_is_locked(const spinlock_t *l)
{
    if (l != &pins[REF].lock)
        return false;
    step();
    return note(l->cpu);
}

bool spin_trylock(spinlock_t *l)
{
    (void)l;
    fail();
    return false;
}

void spin_lock_pair(spinlock_t *a, spinlock_t *b)
{
    (void)a;
    (void)b;
    fail();
}

void spin_unlock_pair(spinlock_t *a, spinlock_t *b)
{
    (void)a;
    (void)b;
    fail();
}

/* ---- what the owner knows, and who uses the entry ---- */

static struct {
    bool withdrawn, no_writers;
    uint64_t frame; /* that is granted now */
    unsigned int readers, writers;
} ghost;
static bool violated;

/* ---- the owner, by the ABI's rules ---- */

static struct grant_entry_v1 *e1(void)
{
    return (struct grant_entry_v1 *)shared_page + REF;
}

static union grant_entry_v2 *e2(void)
{
    return (union grant_entry_v2 *)shared_page + REF;
}

static void grant_frame(unsigned int version, uint64_t frame)
{
    ghost.withdrawn = false;
    ghost.no_writers = false;
    ghost.frame = frame;
    if (version == 1)
        store(&e1()->frame, frame, 4);
    else
        store(&e2()->full_page.frame, frame, 8);
    store(version == 1 ? &e1()->domid : &e2()->hdr.domid, USER, 2);
    store(version == 1 ? &e1()->flags : &e2()->hdr.flags, GTF_permit_access, 2);
}

static bool cmpxchg_flags(uint16_t old, uint16_t new)
{
    bool same;

    step();
    drain(running);
    same = e1()->flags == old;
    if (same)
        e1()->flags = new;
    return note(same);
}

static bool withdraw_1(void)
{
    uint16_t flags = (uint16_t)load(&e1()->flags, 2);

    return !(flags & (GTF_reading | GTF_writing)) && cmpxchg_flags(flags, 0);
}

static bool withdraw_2(void)
{
    store(&e2()->hdr.flags, 0, 2);
    step();
    drain(running); /* the owner's fence */
    return !(load(&status_page[REF], 2) & (GTF_reading | GTF_writing));
}

static void owner(unsigned int version)
{
    bool (*withdraw)(void) = version == 1 ? withdraw_1 : withdraw_2;

    grant_frame(version, 1);
    for (unsigned int i = 0; i < 2; i++) {
        if (withdraw()) {
            ghost.withdrawn = true;
            grant_frame(version, 2);
            return;
        }
    }
}

static void owner_1(void)
{
    owner(1);
}

static void owner_2(void)
{
    owner(2);
}

/* From writable to read-only. */
static void restrict_1(void)
{
    uint16_t flags;

    grant_frame(1, 1);
    flags = (uint16_t)load(&e1()->flags, 2);
    if (!(flags & GTF_writing) && cmpxchg_flags(flags, flags | GTF_readonly))
        ghost.no_writers = true;
}

static void restrict_2(void)
{
    grant_frame(2, 1);
    store(&e2()->hdr.flags, GTF_permit_access | GTF_readonly, 2);
    step();
    drain(running);
    if (!(load(&status_page[REF], 2) & GTF_writing))
        ghost.no_writers = true;
}

/* No rules: only what the hypervisor needs for itself must hold. */
static void scribble(uint16_t *flags)
{
    static const uint16_t values[] = {
        GTF_permit_access, 0, GTF_permit_access | GTF_writing | GTF_reading,
        GTF_transitive};

    for (unsigned int i = 0; i < ARRAY_SIZE(values); i++)
        store(flags, values[i], 2);
}

static void scribbler_1(void)
{
    e1()->domid = USER;
    scribble(&e1()->flags);
    store(&e1()->flags, 0, 2);
}

static void scribbler_2(void)
{
    e2()->hdr.domid = USER;
    scribble(&e2()->hdr.flags);
    store(&status_page[REF], 0xffff, 2);
}

/* ---- users: the hypervisor's code ---- */

static bool hostile; /* the owner keeps no rule, so frames mean nothing */

static void use(unsigned int how)
{
    bool ro = how & PIN_READONLY;
    unsigned int *count = ro ? &ghost.readers : &ghost.writers;
    struct grant_active *a;
    int rc = grant_pin(&dom, REF, USER, how, &a);

    note((uint64_t)rc);
    if (rc != GNTST_okay)
        return;
    ++*count;
    if (!hostile && mfn_x(a->frame) != ghost.frame)
        violated = true;
    step();
    --*count;
    grant_unpin(&dom, REF, a, ro);
}

static void writer(void)
{
    use(0);
}

static void reader(void)
{
    use(PIN_READONLY | PIN_COPY);
}

static void version_to_2(void)
{
    int rc = grant_set_version(&dom, 2);

    assert_true(note((uint64_t)rc) == 0 || rc == -EBUSY);
}

static void version_to_1(void)
{
    int rc = grant_set_version(&dom, 1);

    assert_true(note((uint64_t)rc) == 0 || rc == -EBUSY);
}

/* ---- the search ---- */

static uint64_t visited[VISITED];
static unsigned int nr_visited;

static uint64_t hash_bytes(uint64_t h, const void *p, size_t n)
{
    const unsigned char *b = p;

    while (n--)
        h = mix(h, *b++);
    return h;
}

static uint64_t state_hash(void)
{
    const struct grant_active *a = &pins[REF];
    uint64_t h = hash_bytes(1, e1(), sizeof(*e1()));

    h = hash_bytes(h, e2(), sizeof(*e2()));
    h = mix(h, status_page[REF]);
    h = mix(h, dom.grant.version | (uint64_t)dom.grant.lock.cpu << 8);
    h = mix(h, a->nr_read | (uint64_t)a->nr_write << 32);
    h = mix(h,
            a->domid | (uint64_t)a->lock.cpu << 32 | (uint64_t)a->kind << 56);
    h = mix(h, mfn_x(a->frame));
    h = hash_bytes(h, &ghost, sizeof(ghost));
    for (unsigned int i = 0; i < nr_threads; i++) {
        const struct thread *t = &threads[i];

        h = mix(h, t->history);
        h = mix(h, t->done | (t->waits_for ? 2u : 0));
        if (t->buffer.full)
            h = mix(mix(h, t->buffer.v), (uintptr_t)t->buffer.p);
    }
    return h | 1;
}

/* False if it was met before. */
static bool visit(uint64_t h)
{
    unsigned int i = (unsigned int)h & (VISITED - 1);

    for (; visited[i]; i = (i + 1) & (VISITED - 1))
        if (visited[i] == h)
            return false;
    visited[i] = h;
    assert_true(++nr_visited < VISITED / 2);
    return true;
}

static void thread_start(void)
{
    running->main();
    running->done = true;
    swapcontext(&running->ctx, &scheduler);
}

static void thread_init(struct thread *t, void (*body)(void))
{
    char *stack = t->stack ?: malloc(STACK);

    *t = (struct thread){.stack = stack, .main = body};
    __asan_unpoison_memory_region(stack, STACK);
    getcontext(&t->ctx);
    t->ctx.uc_stack.ss_sp = stack;
    t->ctx.uc_stack.ss_size = STACK;
    makecontext(&t->ctx, thread_start, 0);
}

static void begin(unsigned int version, void (*const mains[])(void))
{
    memset(shared_page, 0, sizeof(shared_page));
    memset(status_page, 0, sizeof(status_page));
    memset(&pins[REF], 0, sizeof(pins[REF]));
    memset(&ghost, 0, sizeof(ghost));
    violated = false;
    dom.grant.version = (uint8_t)version;
    dom.grant.lock.cpu = 0;
    for (unsigned int i = 0; i < nr_threads; i++)
        thread_init(&threads[i], mains[i]);
}

/* Choices now: thread i goes on (i), its store becomes visible (i + 16). */
static unsigned int choices(unsigned int *out)
{
    unsigned int n = 0;

    for (unsigned int i = 0; i < nr_threads; i++) {
        const struct thread *t = &threads[i];

        if (!t->done && !(t->waits_for && t->waits_for->cpu))
            out[n++] = i;
        if (t->buffer.full)
            out[n++] = i + 16;
    }
    return n;
}

static void take(unsigned int choice)
{
    if (choice >= 16) {
        drain(&threads[choice - 16]);
        return;
    }
    running = &threads[choice];
    swapcontext(&scheduler, &running->ctx);
    running = NULL;
}

static void check(void)
{
    if (!hostile && ghost.withdrawn && ghost.readers + ghost.writers)
        violated = true;
    if (!hostile && ghost.no_writers && ghost.writers)
        violated = true;
}

static void check_end(void)
{
    for (unsigned int i = 0; i < nr_threads; i++)
        assert_true(threads[i].done); /* else: a deadlock */
    assert_int_equal(pins[REF].nr_read + pins[REF].nr_write, 0);
    assert_int_equal(pins[REF].lock.cpu, 0);
    if (hostile)
        return;
    assert_int_equal(e1()->flags & (GTF_reading | GTF_writing), 0);
    assert_int_equal(status_page[REF], 0);
}

static unsigned int path[MAX_DEPTH], width[MAX_DEPTH];

/* One execution along path[0..fixed), then first choices; its depth. */
static unsigned int execute(unsigned int fixed)
{
    unsigned int depth = 0, options[2 * MAX_THREADS], n;

    while ((n = choices(options)) > 0 && !violated) {
        if (depth >= fixed) {
            if (!visit(state_hash()))
                return depth;
            path[depth] = 0;
        }
        assert_true(depth < MAX_DEPTH);
        width[depth] = n;
        take(options[path[depth]]);
        depth++;
        check();
    }
    if (!violated)
        check_end();
    return depth;
}

/* All orders; true if one of them breaks a promise. */
static bool search(unsigned int version, unsigned int n,
                   void (*const mains[])(void))
{
    unsigned int fixed = 0, runs = 0;

    nr_threads = n;
    memset(visited, 0, sizeof(visited));
    nr_visited = 0;
    for (;;) {
        unsigned int depth;

        begin(version, mains);
        depth = execute(fixed);
        runs++;
        if (violated)
            return true;
        while (depth > 0 && path[depth - 1] + 1 == width[depth - 1])
            depth--;
        if (depth == 0)
            break;
        path[depth - 1]++;
        fixed = depth;
    }
    print_message("%u executions, %u states\n", runs, nr_visited);
    assert_true(nr_visited > 50);
    return false;
}

#define HOLDS(version, ...)                                \
    do {                                                   \
        void (*const m_[])(void) = {__VA_ARGS__};          \
        assert_false(search(version, ARRAY_SIZE(m_), m_)); \
    } while (0)

static int setup(void **state)
{
    (void)state;
    dom = (struct domain){.id = 1};
    dom.grant = (struct grant_table){.version = 1,
                                     .max_version = 2,
                                     .nr_frames = 1,
                                     .max_frames = 1,
                                     .nr_status = 1,
                                     .shared = shared_pages,
                                     .status = status_pages,
                                     .active = active_pages};
    memset(pins, 0, sizeof(pins));
    hostile = false;
    fences = true;
    return 0;
}

/* ---- what holds ---- */

static void withdrawn_is_unused_in_version_1(void **state)
{
    (void)state;
    HOLDS(1, owner_1, writer);
    HOLDS(1, owner_1, writer, reader);
    HOLDS(1, owner_1, writer, writer);
}

static void withdrawn_is_unused_in_version_2(void **state)
{
    (void)state;
    HOLDS(2, owner_2, writer);
    HOLDS(2, owner_2, writer, reader);
    HOLDS(2, owner_2, writer, writer);
}

static void read_only_has_no_writers(void **state)
{
    (void)state;
    HOLDS(1, restrict_1, writer);
    HOLDS(1, restrict_1, reader, writer);
    HOLDS(2, restrict_2, writer);
    HOLDS(2, restrict_2, reader, writer);
}

static void a_lawless_owner_breaks_nothing(void **state)
{
    (void)state;
    hostile = true;
    HOLDS(1, scribbler_1, writer, reader);
    HOLDS(2, scribbler_2, writer, reader);
}

/* The owner's other vcpu changes the version; nobody is at work meanwhile. */
static void versions_change_between_uses(void **state)
{
    (void)state;
    hostile = true;
    HOLDS(1, scribbler_1, version_to_2, writer);
    HOLDS(2, scribbler_2, version_to_1, writer);
    HOLDS(1, version_to_2, writer, reader);
    HOLDS(2, version_to_1, version_to_2, reader);
}

/* The checker sees what it is there to see: without the fence, version 2 has
 * an owner who is told a lie. */
static void without_the_fence_it_fails(void **state)
{
    void (*const mains[])(void) = {owner_2, writer};

    (void)state;
    fences = false;
    assert_true(search(2, ARRAY_SIZE(mains), mains));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, setup)
    const struct CMUnitTest tests[] = {
        TEST(withdrawn_is_unused_in_version_1),
        TEST(withdrawn_is_unused_in_version_2),
        TEST(read_only_has_no_writers),
        TEST(a_lawless_owner_breaks_nothing),
        TEST(versions_change_between_uses),
        TEST(without_the_fence_it_fails),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);

    for (unsigned int i = 0; i < MAX_THREADS; i++)
        free(threads[i].stack);
    return rc;
}
