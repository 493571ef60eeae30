/* SPDX-License-Identifier: MIT */
/*
 * Log output: levels, time stamps, the ring, the sinks. Input is in
 * console_input.c.
 */
#include <hv/cmdline.h>
#include <hv/console.h>
#include <hv/console_sink.h>
#include <hv/evtchn.h>
#include <hv/domain.h>
#include <hv/lib.h>
#include <hv/perfc.h>
#include <hv/percpu.h>
#include <hv/softirq.h>
#include <hv/spinlock.h>
#include <hv/time.h>

#include <asm/irqflags.h>

#include "console_input.h"
#include "console_ring.h"

#define MAX_SINKS 4
#define NO_CPU    (~0U)

/* Guards the ring, the sinks and the line state below. */
static spinlock_t console_lock = SPINLOCK_INIT(LOCK_RANK_CONSOLE);
static DEFINE_PER_CPU(bool, inside); /* it waits for console_lock or has it */

static struct console_sink *sinks[MAX_SINKS];
static unsigned int nr_sinks;
static bool line_start = true; /* of the hypervisor's own text */
static bool guest_mid_line;    /* a guest's line is not finished */

static char console_names[64] __initdata = "com1,vga";
PARAM_STR("console", console_names);
static uint64_t conring_size __initdata = 128 << 10;
PARAM_SZ("conring_size", conring_size);
static bool keep_old_log __initdata = true;
PARAM_B("oldlog", keep_old_log);
static bool in_place __initdata; /* of what an earlier run left */
/* Serial output never waits in a buffer here, so this is always so. */
static bool sync_console __initdata = true;
PARAM_B("sync_console", sync_console);

/* Messages up to `always` are shown, up to `limited` at a bounded rate. */
struct threshold {
    int always, limited;
};
static struct threshold hv_level = {2, 2}, guest_level = {-1, 1};

static int __init parse_one_level(const char *s, size_t n)
{
    static const char *const name[] = {"none", "error", "warning", "info",
                                       "debug"};

    if (n == 3 && !strncmp(s, "all", 3))
        return 3;
    for (int i = 0; i < (int)ARRAY_SIZE(name); i++)
        if (n == strlen(name[i]) && !strncmp(s, name[i], n))
            return i - 1;
    return -2;
}

/* level, or always/limited */
static int __init parse_level(const char *s, struct threshold *t)
{
    const char *slash = strchr(s, '/');
    int a = parse_one_level(s, slash ? (size_t)(slash - s) : strlen(s));
    int b = slash ? parse_one_level(slash + 1, strlen(slash + 1)) : a;

    if (a < -1 || b < a)
        return -EINVAL;
    *t = (struct threshold){a, b};
    return 0;
}

static int __init parse_loglvl(const char *s)
{
    return parse_level(s, &hv_level);
}
PARAM_FUNC("loglvl", parse_loglvl);

static int __init parse_guest_loglvl(const char *s)
{
    return parse_level(s, &guest_level);
}
PARAM_FUNC("guest_loglvl", parse_guest_loglvl);

/*
 * False: this CPU is inside already (an NMI, or a fault in a sink). It says so
 * before it waits for the lock, and until it has let it go: an NMI at any
 * instruction between sees it, and does not wait for what it interrupted.
 */
static bool enter(unsigned long *flags)
{
    *flags = irq_save();
    if (READ_ONCE(this_cpu(inside))) {
        irq_restore(*flags);
        return false;
    }
    WRITE_ONCE(this_cpu(inside), true);
    spin_lock(&console_lock);
    return true;
}

static void leave(unsigned long flags)
{
    spin_unlock(&console_lock);
    WRITE_ONCE(this_cpu(inside), false);
    irq_restore(flags);
}

void console_force_unlock(void)
{
    spin_init(&console_lock, LOCK_RANK_NONE);
    WRITE_ONCE(this_cpu(inside), false);
}

static void emit(const char *buf, size_t len)
{
    ring_put(buf, len);
    for (unsigned int i = 0; i < nr_sinks; i++)
        if (sinks[i]->enabled)
            sinks[i]->write(buf, len);
}

static void emit_stamp(void)
{
    char stamp[32];
    uint64_t us = (uint64_t)now_ns() / 1000;
    int n = snprintf(stamp, sizeof(stamp), "[%5lu.%06lu] ", us / 1000000,
                     us % 1000000);

    emit(stamp, (size_t)n);
}

static void emit_lines(const char *s)
{
    while (*s) {
        const char *nl = strchr(s, '\n');
        size_t n = nl ? (size_t)(nl - s) + 1 : strlen(s);

        if (guest_mid_line)
            emit("\n", 1);
        guest_mid_line = false;
        if (line_start)
            emit_stamp();
        emit(s, n);
        line_start = nl != NULL;
        s += n;
    }
}

/* A bucket of `burst` messages, one more in every step; one of zeros is full.
 */
static bool within_rate(struct log_rate *r, unsigned int burst,
                        s_time_t step_ns)
{
    s_time_t now = now_ns(), full = burst * step_ns;

    r->credit_ns = min_t(s_time_t, r->credit_ns + now - r->last_ns, full);
    if (!r->last_ns)
        r->credit_ns = full;
    r->last_ns = now;
    if (r->credit_ns < step_ns) {
        r->dropped++;
        perfc_inc(PERFC_LOG_DROPPED);
        return false;
    }
    r->credit_ns -= step_ns;
    return true;
}

/* The hypervisor's own messages of the limited levels. */
static bool within_hv_rate(void)
{
    static struct log_rate rate;

    return within_rate(&rate, 10, MILLISECS(500));
}

/* Ten messages, then two a second, for each guest; all guests together fifty,
 * then ten a second. */
static bool within_guest_rate(void)
{
    static struct log_rate all_guests;
    struct log_rate *r = &current->domain->log_rate;

    return within_rate(r, 10, MILLISECS(500)) &&
           within_rate(&all_guests, 50, MILLISECS(100));
}

/* Before the first message of a guest that is shown again. */
static void tell_dropped(void)
{
    struct log_rate *r = &current->domain->log_rate;
    char line[64];

    if (!r->dropped)
        return;
    snprintf(line, sizeof(line), "(%u messages of d%u dropped)\n", r->dropped,
             current->domain->id);
    r->dropped = 0;
    emit_lines(line);
}

/* Strips the level from the format; false: not to be shown. The console is
 * entered. */
static bool level_passes(const char **fmt)
{
    const struct threshold *t = &hv_level;
    const char *f = *fmt;
    int level;

    if (f[0] != '<')
        return true;
    f++;
    if (*f == 'G') {
        t = &guest_level;
        f++;
    }
    level = *f - '0';
    *fmt = f + 2;
    if (t == &guest_level) {
        if (level > t->limited || !within_guest_rate())
            return false;
        tell_dropped();
        return true;
    }
    return level <= t->always || (level <= t->limited && within_hv_rate());
}

/* Output of a key: only on its CPU, whose interrupts may add to it. */
static unsigned int limited_cpu = NO_CPU, lines_left, lines_cut;

static bool within_limit(const char *text)
{
    if (likely(limited_cpu != smp_processor_id()))
        return true;
    if (!lines_left) {
        lines_cut += strchr(text, '\n') != NULL;
        return false;
    }
    for (; (text = strchr(text, '\n')) != NULL && lines_left; text++)
        lines_left--;
    return true;
}

void console_limit_begin(unsigned int lines)
{
    unsigned long flags;

    if (!enter(&flags))
        return;
    limited_cpu = smp_processor_id();
    lines_left = lines;
    lines_cut = 0;
    leave(flags);
}

void console_limit_end(void)
{
    unsigned long flags;
    unsigned int cut;

    if (!enter(&flags))
        return;
    cut = limited_cpu == smp_processor_id() ? lines_cut : 0;
    limited_cpu = NO_CPU;
    leave(flags);
    if (cut)
        printk("%u more lines are left out\n", cut);
}

static struct tasklet ring_tasklet;

static void tell_dom0(void *unused)
{
    (void)unused;
    if (dom0)
        evtchn_send_global_virq(VIRQ_CON_RING);
}

void printk(const char *fmt, ...)
{
    static char line[1024]; /* console_lock */
    unsigned long flags;
    va_list ap;

    if (!enter(&flags))
        return;
    if (level_passes(&fmt)) {
        va_start(ap, fmt);
        vsnprintf(line, sizeof(line), fmt, ap);
        va_end(ap);
        if (within_limit(line))
            emit_lines(line);
        if (ring_tasklet.fn && dom0)
            tasklet_schedule(&ring_tasklet);
    }
    leave(flags);
}

void console_guest_write(const char *buf, size_t len)
{
    unsigned long flags;

    if (!len || !enter(&flags))
        return;
    emit(buf, len);
    guest_mid_line = buf[len - 1] != '\n';
    leave(flags);
}

size_t console_ring_read(uint32_t *index, char *buf, size_t len,
                         bool incremental)
{
    unsigned long flags;
    uint32_t n;

    if (!enter(&flags))
        return 0;
    if (!incremental)
        *index = ring_first();
    n = ring_get(index, buf, (uint32_t)min_t(size_t, len, 1U << 30));
    leave(flags);
    return n;
}

void console_ring_forget(uint32_t upto)
{
    unsigned long flags;

    if (!enter(&flags))
        return;
    ring_forget(upto);
    leave(flags);
}

/* Is the sink one of the comma-separated names of console=? */
static bool __init is_wanted(const char *name)
{
    const char *s = console_names;
    size_t n = strlen(name);

    for (;;) {
        const char *comma = strchr(s, ',');
        size_t len = comma ? (size_t)(comma - s) : strlen(s);

        if (len == n && !strncmp(s, name, n))
            return true;
        if (!comma)
            return false;
        s = comma + 1;
    }
}

void __init console_add_sink(struct console_sink *sink)
{
    if (nr_sinks == MAX_SINKS || !is_wanted(sink->name))
        return;
    sink->enabled = true;
    sinks[nr_sinks++] = sink;
    console_replay(sink);
}

void __init console_replay(struct console_sink *sink)
{
    char part[128];
    uint32_t pos = ring_first(), n;

    while ((n = ring_get(&pos, part, sizeof(part))))
        sink->write(part, n);
}

void __init console_init_early(void)
{
    uart_init_early();
    vga_init_early();
}

static uint32_t __init ring_bytes(void)
{
    uint32_t size = 16384;

    while (size < conring_size && size < 16U << 20)
        size <<= 1;
    return size;
}

uint64_t __init console_memory_size(void)
{
    return ring_bytes() + RING_OVERHEAD;
}

/* What is not text any more is not shown as such. */
static void __init make_printable(char *s, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if ((s[i] < ' ' || s[i] > '~') && s[i] != '\n' && s[i] != '\t')
            s[i] = '?';
}

/* Into the ring only: it is long, and the serial line has had it. */
static void __init put_old_log(char *s, uint32_t n)
{
    static const char begin[] = "---- end of the last run's log:\n";
    static const char end[] = "---- this run\n";

    make_printable(s, n);
    ring_put(begin, sizeof(begin) - 1);
    while (n) {
        const char *nl = strchr(s, '\n');
        uint32_t len = nl && nl < s + n ? (uint32_t)(nl - s) + 1 : n;

        ring_put("| ", 2);
        ring_put(s, len);
        s += len;
        n -= len;
    }
    ring_put("\n", 1);
    ring_put(end, sizeof(end) - 1);
}

void __init console_use_memory(void *memory)
{
    static char __initdata old[16384 + 1];
    uint32_t size = ring_bytes(), n;
    unsigned long flags;

    n = keep_old_log ? ring_recover(memory, size, old, sizeof(old) - 1) : 0;
    if (!enter(&flags))
        return;
    ring_move(memory, size);
    if (n)
        put_old_log(old, n);
    in_place = true;
    leave(flags);
    if (n)
        printk("The last run's log is kept: its end is in the log\n");
}

void console_show_log(uint32_t bytes)
{
    uint32_t pos =
        ring_end() - ring_first() > bytes ? ring_end() - bytes : ring_first();
    char part[256];
    unsigned long flags;
    uint32_t n = 1;

    while (n && enter(&flags)) {
        n = ring_get(&pos, part, sizeof(part));
        for (unsigned int i = 0; n && i < nr_sinks; i++)
            if (sinks[i]->enabled)
                sinks[i]->write(part, n);
        leave(flags);
    }
}

/* Without a place that lasts, any memory will do. */
static void __init move_anywhere(void)
{
    uint32_t size = ring_bytes();
    unsigned int order = 0;
    unsigned long flags;
    void *memory;

    while ((PAGE_SIZE << order) < size + RING_OVERHEAD)
        order++;
    memory = hv_alloc_pages(order);
    if (memory && enter(&flags)) {
        ring_move(memory, size);
        leave(flags);
    }
}

void __init console_init_late(void)
{
    if (!in_place)
        move_anywhere();
    tasklet_init(&ring_tasklet, tell_dom0, NULL);
    console_input_init(sinks, nr_sinks);
}

/* The screen is dom0's from now on, the serial line stays shared. */
void console_release_screen(void)
{
    for (unsigned int i = 0; i < nr_sinks; i++)
        if (sinks[i]->until_dom0)
            sinks[i]->enabled = false;
}
