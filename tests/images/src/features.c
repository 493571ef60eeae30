/* SPDX-License-Identifier: MIT */
/*
 * What a kernel does seldom, and by other means than most: tries each, says
 *
 *     NAME ok | NAME skipped: why | NAME FAIL: what
 *
 * and ends with the number of failures. Run as root, with nothing else at work:
 *
 *     perf events of software, counted and sampled; a watchpoint in the debug
 *     registers; kprobes at entry and return; BPF programs, compiled; large
 *     vmalloc areas; a module loaded and unloaded; a CPU taken out and put
 *     back; memory given back and taken again (of a guest of Xen).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096UL

static char said[256];

/* A test ends with one of these, or with NULL: all was well. */
static const char *wrong(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(said, sizeof(said), format, args);
    va_end(args);
    return said;
}

#define WRONG_ERRNO(what) wrong("%s: %s", what, strerror(errno))

static const char *const skipped = "skipped";

/* --- files of a line --- */

static int write_with(const char *path, int flags, const char *text)
{
    int fd = open(path, O_WRONLY | flags);
    ssize_t n;

    if (fd < 0)
        return -1;
    n = write(fd, text, strlen(text));
    close(fd);
    return n == (ssize_t)strlen(text) ? 0 : -1;
}

static int put(const char *path, const char *text)
{
    return write_with(path, O_TRUNC, text);
}

static int append(const char *path, const char *text)
{
    return write_with(path, O_APPEND, text);
}

static char *get(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY);
    size_t have = 0;
    ssize_t n;

    if (fd < 0)
        return NULL;
    while (have < size - 1 && (n = read(fd, text + have, size - 1 - have)) > 0)
        have += (size_t)n;
    close(fd);
    text[have] = 0;
    return text;
}

/* --- perf --- */

static int perf_open(struct perf_event_attr *attr)
{
    attr->size = sizeof(*attr);
    return (int)syscall(SYS_perf_event_open, attr, 0, -1, -1, 0);
}

static const char *perf_count(void)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_SOFTWARE,
        .config = PERF_COUNT_SW_PAGE_FAULTS,
    };
    uint64_t before, after;
    char *p;
    int fd = perf_open(&attr);

    if (fd < 0)
        return WRONG_ERRNO("perf_event_open");
    p = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (read(fd, &before, 8) != 8)
        return WRONG_ERRNO("read");
    for (unsigned int i = 0; i < 64; i++)
        p[i * PAGE] = 1;
    if (read(fd, &after, 8) != 8)
        return WRONG_ERRNO("read");
    munmap(p, 64 * PAGE);
    close(fd);
    if (after - before < 64)
        return wrong("%lu faults for 64 pages", after - before);
    return NULL;
}

static uint64_t now_ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000UL + (uint64_t)t.tv_nsec;
}

static void burn(uint64_t ns)
{
    uint64_t end = now_ns(CLOCK_PROCESS_CPUTIME_ID) + ns;

    while (now_ns(CLOCK_PROCESS_CPUTIME_ID) < end)
        ;
}

static const char *perf_sample(void)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_SOFTWARE,
        .config = PERF_COUNT_SW_CPU_CLOCK,
        .sample_period = 1000000,
        .sample_type = PERF_SAMPLE_IP,
        .disabled = 1,
    };
    const size_t size = 9 * PAGE;
    struct perf_event_mmap_page *ring;
    uint64_t bytes;
    int fd = perf_open(&attr);

    if (fd < 0)
        return WRONG_ERRNO("perf_event_open");
    ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (ring == MAP_FAILED)
        return WRONG_ERRNO("mmap");
    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
    burn(1000000000);
    ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
    bytes = ring->data_head;
    munmap(ring, size);
    close(fd);
    if (bytes < 10 * 16)
        return wrong("%lu bytes of samples in a second", bytes);
    return NULL;
}

static volatile uint64_t watched;

static const char *watchpoint(void)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_BREAKPOINT,
        .bp_type = HW_BREAKPOINT_W,
        .bp_addr = (uintptr_t)&watched,
        .bp_len = HW_BREAKPOINT_LEN_8,
    };
    uint64_t hits;
    int fd = perf_open(&attr);

    if (fd < 0)
        return WRONG_ERRNO("perf_event_open");
    for (unsigned int i = 0; i < 100; i++)
        watched = i;
    if (read(fd, &hits, 8) != 8)
        return WRONG_ERRNO("read");
    close(fd);
    if (hits != 100)
        return wrong("%lu hits of 100 stores", hits);
    return NULL;
}

/* --- kprobes --- */

#define TRACING "/sys/kernel/tracing"
#define PROBED  "do_sys_openat2"

static const char *kprobes(void)
{
    static char trace[1 << 20];
    unsigned int entries = 0, returns = 0;

    mount("tracefs", TRACING, "tracefs", 0, NULL);
    if (append(TRACING "/kprobe_events", "p:features/in " PROBED "\n") ||
        append(TRACING "/kprobe_events",
               "r:features/out " PROBED " rc=$retval\n"))
        return WRONG_ERRNO("kprobe_events");
    if (put(TRACING "/trace", "\n") ||
        put(TRACING "/events/features/enable", "1"))
        return WRONG_ERRNO("enable");
    for (unsigned int i = 0; i < 50; i++) {
        int fd = open("/dev/null", O_RDONLY);

        if (fd >= 0)
            close(fd);
    }
    put(TRACING "/events/features/enable", "0");
    if (!get(TRACING "/trace", trace, sizeof(trace)))
        return WRONG_ERRNO("trace");
    for (const char *p = trace; (p = strstr(p, ": in: ")); p++)
        entries++;
    for (const char *p = trace; (p = strstr(p, ": out: ")); p++)
        returns++;
    put(TRACING "/kprobe_events", "\n");
    if (entries < 50 || returns < 50)
        return wrong("%u entries, %u returns of 50 calls", entries, returns);
    return NULL;
}

/* --- BPF --- */

static int bpf(int command, union bpf_attr *attr)
{
    return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

#define KEPT 8 /* bytes that the filter lets through */

static int load_filter(void)
{
    static char log[4096];
    /* r0 = KEPT, by way of some arithmetic; exit */
    struct bpf_insn code[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = KEPT / 2},
        {.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 2, .src_reg = 0},
        {.code = BPF_ALU64 | BPF_ADD | BPF_X, .dst_reg = 0, .src_reg = 2},
        {.code = BPF_JMP | BPF_EXIT},
    };
    union bpf_attr attr;

    memset(&attr, 0, sizeof(attr));
    attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
    attr.insns = (uintptr_t)code;
    attr.insn_cnt = sizeof(code) / sizeof(code[0]);
    attr.license = (uintptr_t) "GPL";
    attr.log_buf = (uintptr_t)log;
    attr.log_size = sizeof(log);
    attr.log_level = 1;
    return bpf(BPF_PROG_LOAD, &attr);
}

static const char *bpf_jit(void)
{
    struct bpf_prog_info info = {0};
    union bpf_attr attr;
    char data[64] = {1};
    int pair[2], fd = load_filter();
    ssize_t n;

    if (fd < 0)
        return WRONG_ERRNO("BPF_PROG_LOAD");
    memset(&attr, 0, sizeof(attr));
    attr.info.bpf_fd = (uint32_t)fd;
    attr.info.info_len = sizeof(info);
    attr.info.info = (uintptr_t)&info;
    if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr))
        return WRONG_ERRNO("BPF_OBJ_GET_INFO_BY_FD");
    if (!info.jited_prog_len)
        return wrong("the program is not compiled");
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) ||
        setsockopt(pair[1], SOL_SOCKET, SO_ATTACH_BPF, &fd, sizeof(fd)))
        return WRONG_ERRNO("SO_ATTACH_BPF");
    if (write(pair[0], data, sizeof(data)) != sizeof(data))
        return WRONG_ERRNO("write");
    n = read(pair[1], data, sizeof(data));
    close(pair[0]);
    close(pair[1]);
    close(fd);
    if (n != KEPT)
        return wrong("%zd bytes came through, not %d", n, KEPT);
    return NULL;
}

/* The kernel keeps an array's elements in one vmalloc area. */
static const char *large_vmalloc(void)
{
    enum {
        SIZE = 1 << 16,
        NR = (48 << 20) / SIZE
    };
    static unsigned char out[SIZE], in[SIZE];
    union bpf_attr attr;
    int fd;

    memset(&attr, 0, sizeof(attr));
    attr.map_type = BPF_MAP_TYPE_ARRAY;
    attr.key_size = 4;
    attr.value_size = SIZE;
    attr.max_entries = NR;
    fd = bpf(BPF_MAP_CREATE, &attr);
    if (fd < 0)
        return WRONG_ERRNO("BPF_MAP_CREATE");
    for (uint32_t key = 0; key < NR; key++) {
        memset(out, (int)(key % 251 + 1), sizeof(out));
        memset(&attr, 0, sizeof(attr));
        attr.map_fd = (uint32_t)fd;
        attr.key = (uintptr_t)&key;
        attr.value = (uintptr_t)out;
        if (bpf(BPF_MAP_UPDATE_ELEM, &attr))
            return WRONG_ERRNO("BPF_MAP_UPDATE_ELEM");
    }
    for (uint32_t key = 0; key < NR; key++) {
        memset(&attr, 0, sizeof(attr));
        attr.map_fd = (uint32_t)fd;
        attr.key = (uintptr_t)&key;
        attr.value = (uintptr_t)in;
        if (bpf(BPF_MAP_LOOKUP_ELEM, &attr))
            return WRONG_ERRNO("BPF_MAP_LOOKUP_ELEM");
        memset(out, (int)(key % 251 + 1), sizeof(out));
        if (memcmp(in, out, sizeof(in)))
            return wrong("element %u has other bytes", key);
    }
    close(fd);
    return NULL;
}

/* --- modules --- */

/* The module of a network card that is none: in dom0, where its initramfs has
 * it; in a guest, where its /init has put it. */
static int open_module(void)
{
    char path[256];
    struct utsname names;

    uname(&names);
    snprintf(path, sizeof(path), "/lib/modules/%s/spare/dummy.ko",
             names.release);
    return open(access(path, R_OK) ? "/run/modules/dummy.ko" : path, O_RDONLY);
}

static bool has_dummy(void)
{
    return !access("/sys/class/net/dummy0", F_OK);
}

static const char *module(void)
{
    int fd = open_module();

    if (fd < 0)
        return WRONG_ERRNO("the module's file");
    for (unsigned int i = 0; i < 5; i++) {
        if (syscall(SYS_finit_module, fd, "", 0))
            return WRONG_ERRNO("load");
        if (!has_dummy())
            return wrong("loaded, but no card");
        if (syscall(SYS_delete_module, "dummy", O_NONBLOCK))
            return WRONG_ERRNO("unload");
        if (has_dummy())
            return wrong("unloaded, but the card is still there");
    }
    close(fd);
    return NULL;
}

/* --- CPUs and memory --- */

#define CPU1 "/sys/devices/system/cpu/cpu1/online"

static const char *cpu_hotplug(void)
{
    char text[16];

    if (access(CPU1, W_OK))
        return skipped;
    for (unsigned int i = 0; i < 5; i++) {
        if (put(CPU1, "0"))
            return WRONG_ERRNO("out");
        if (sysconf(_SC_NPROCESSORS_ONLN) != sysconf(_SC_NPROCESSORS_CONF) - 1)
            return wrong("not out");
        if (put(CPU1, "1"))
            return WRONG_ERRNO("in");
    }
    return strcmp(get(CPU1, text, sizeof(text)), "1\n") ? wrong("not in")
                                                        : NULL;
}

#define BALLOON "/sys/devices/system/xen_memory/xen_memory0"

static long memory_kb(void)
{
    char text[32];

    return get(BALLOON "/info/current_kb", text, sizeof(text)) ? atol(text)
                                                               : -1;
}

static bool balloon_to(long kb)
{
    char text[32];

    snprintf(text, sizeof(text), "%ld", kb);
    if (put(BALLOON "/target_kb", text))
        return false;
    for (unsigned int i = 0; i < 200; i++) {
        if (memory_kb() == kb)
            return true;
        usleep(100000);
    }
    return false;
}

static const char *balloon(void)
{
    long before = memory_kb();

    if (before < 0)
        return skipped;
    for (unsigned int i = 0; i < 3; i++) {
        if (!balloon_to(before - 32 * 1024))
            return wrong("stays at %ld KiB of %ld", memory_kb(), before);
        if (!balloon_to(before))
            return wrong("%ld KiB come back of %ld", memory_kb(), before);
    }
    return NULL;
}

static const struct {
    const char *name;
    const char *(*run)(void);
} features[] = {
    {"perf-count", perf_count}, {"perf-sample", perf_sample},
    {"watchpoint", watchpoint}, {"kprobes", kprobes},
    {"bpf-jit", bpf_jit},       {"large-vmalloc", large_vmalloc},
    {"module", module},         {"cpu-hotplug", cpu_hotplug},
    {"balloon", balloon},
};

int main(void)
{
    int failed = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
        const char *end = features[i].run();

        if (end == skipped) {
            printf("%s skipped: there is none\n", features[i].name);
        } else {
            printf("%s %s%s\n", features[i].name, end ? "FAIL: " : "ok",
                   end ? end : "");
            failed += end != NULL;
        }
    }
    return failed;
}
