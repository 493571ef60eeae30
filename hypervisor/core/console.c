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
static unsigned int console_cpu = NO_CPU; /* holder of console_lock */

static struct console_sink *sinks[MAX_SINKS];
static unsigned int nr_sinks;
static bool line_start = true; /* of the hypervisor's own text */
static bool guest_mid_line;    /* a guest's line is not finished */

static char console_names[64] __initdata = "com1,vga";
PARAM_STR("console", console_names);
static uint64_t conring_size __initdata = 128 << 10;
PARAM_SZ("conring_size", conring_size);
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

/* False: this CPU is inside already (an NMI, or a fault in a sink). */
static bool enter(unsigned long *flags)
{
    *flags = irq_save();
    if (READ_ONCE(console_cpu) == smp_processor_id()) {
        irq_restore(*flags);
        return false;
    }
    spin_lock(&console_lock);
    WRITE_ONCE(console_cpu, smp_processor_id());
    return true;
}

static void leave(unsigned long flags)
{
    WRITE_ONCE(console_cpu, NO_CPU);
    spin_unlock(&console_lock);
    irq_restore(flags);
}

void console_force_unlock(void)
{
    spin_init(&console_lock, LOCK_RANK_NONE);
    console_cpu = NO_CPU;
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

/* A bucket of ten messages, one more every half second. */
static bool within_rate(void)
{
    static s_time_t credit_ns = MILLISECS(5000), last;
    s_time_t now = now_ns();

    credit_ns = min_t(s_time_t, credit_ns + now - last, MILLISECS(5000));
    last = now;
    if (credit_ns < MILLISECS(500))
        return false;
    credit_ns -= MILLISECS(500);
    return true;
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
    if (level <= t->always)
        return t != &guest_level || within_rate();
    return level <= t->limited && within_rate();
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
                         bool incremental, bool clear)
{
    unsigned long flags;
    uint32_t n;

    if (!enter(&flags))
        return 0;
    if (!incremental)
        *index = ring_first();
    n = ring_get(index, buf, (uint32_t)min_t(size_t, len, 1U << 30));
    if (clear)
        ring_clear();
    leave(flags);
    return n;
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

void __init console_init_late(void)
{
    uint32_t size = 16384;
    unsigned int order = 2;
    unsigned long flags;
    char *memory;

    while (size < conring_size && size < 16U << 20) {
        size <<= 1;
        order++;
    }
    memory = hv_alloc_pages(order);
    if (memory && enter(&flags)) {
        ring_move(memory, size);
        leave(flags);
    }
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
