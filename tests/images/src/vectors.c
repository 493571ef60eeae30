/* SPDX-License-Identifier: MIT */
/*
 * Several processes at once keep a pattern of their own in every x87, MXCSR,
 * XMM and, where the processor offers them, YMM register, give the processor
 * away in several ways, and look whether it is still there.
 *
 *     vectors SECONDS [PROCESSES]
 *
 * until the time is over or SIGTERM comes. Says `vectors ok: N rounds with AVX`
 * (or: without), or for each loss which registers, when and what is in them
 * instead, and ends with status 1.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NR_REGS 16

struct regs {
    uint8_t vec[NR_REGS][32];
    uint8_t st[8][16]; /* ten bytes each */
    uint32_t mxcsr;
    uint16_t control;
};

static bool avx;

static void find_avx(void)
{
    unsigned int a, b, c, d, lo, hi;

    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_AVX))
        return;
    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    avx = (lo & 6) == 6;
}

static void fill(struct regs *r, unsigned int who)
{
    memset(r, 0, sizeof(*r));
    for (unsigned int i = 0; i < NR_REGS; i++)
        for (unsigned int k = 0; k < (avx ? 32 : 16); k++)
            r->vec[i][k] = (uint8_t)(who * 0x1d + i * 0x47 + k);
    for (unsigned int i = 0; i < 8; i++)
        for (unsigned int k = 0; k < 10; k++)
            r->st[i][k] = (uint8_t)(who * 0x35 + i * 0x29 + k);
    r->mxcsr = 0x1f80 | (who & 3) << 13;
    r->control = (uint16_t)(0x07f | (who & 3) << 10);
}

/*
 * Load all, do the system call (or spin, if it is -1), store all: nothing
 * that the compiler makes is between. Ten-byte loads and stores of the x87
 * change no bit. The legacy stores of MMX are not used.
 */
#define YLOAD(n)  "vmovdqu " #n "*32(%[in]), %%ymm" #n "\n"
#define YSTORE(n) "vmovdqu %%ymm" #n ", " #n "*32(%[out])\n"
#define XLOAD(n)  "movdqu " #n "*32(%[in]), %%xmm" #n "\n"
#define XSTORE(n) "movdqu %%xmm" #n ", " #n "*32(%[out])\n"
#define ALL16(m)                                                              \
    m(0) m(1) m(2) m(3) m(4) m(5) m(6) m(7) m(8) m(9) m(10) m(11) m(12) m(13) \
        m(14) m(15)
#define ST_LOAD                                             \
    "fninit\n fldcw 644(%[in])\n"                           \
    "fldt 624(%[in])\n fldt 608(%[in])\n fldt 592(%[in])\n" \
    "fldt 576(%[in])\n fldt 560(%[in])\n fldt 544(%[in])\n" \
    "fldt 528(%[in])\n fldt 512(%[in])\n ldmxcsr 640(%[in])\n"
#define ST_STORE                                                  \
    "stmxcsr 640(%[out])\n fnstcw 644(%[out])\n"                  \
    "fstpt 512(%[out])\n fstpt 528(%[out])\n fstpt 544(%[out])\n" \
    "fstpt 560(%[out])\n fstpt 576(%[out])\n fstpt 592(%[out])\n" \
    "fstpt 608(%[out])\n fstpt 624(%[out])\n fninit\n ldmxcsr %[plain]\n"
#define WAIT                           \
    "mov %[spins], %%rcx\n"            \
    "test %%rcx, %%rcx\n jz 2f\n"      \
    "1: dec %%rcx\n jnz 1b\n jmp 3f\n" \
    "2: syscall\n"                     \
    "3:\n"

_Static_assert(offsetof(struct regs, st) == 512, "ST_LOAD");
_Static_assert(offsetof(struct regs, mxcsr) == 640, "ST_LOAD");
_Static_assert(offsetof(struct regs, control) == 644, "ST_LOAD");

/* Ways to give the processor away: a spin is long enough for others' turns, a
 * sleep for their work not to suffer. */
static const struct {
    const char *name;
    uint64_t spins; /* none: the system call */
    long nr;
} ways[] = {
    {"a spin", 2000000, 0},
    {"sched_yield", 0, SYS_sched_yield},
    {"nanosleep", 0, SYS_nanosleep},
    {"getppid", 0, SYS_getppid},
};
#define NR_WAYS (sizeof(ways) / sizeof(ways[0]))

static void round_trip(const struct regs *in, struct regs *out,
                       unsigned int way)
{
    static const struct timespec nap = {.tv_nsec = 20000000};
    static const uint32_t plain = 0x1f80;
    long nr = ways[way].nr;

#define GO(load, store)                                                        \
    __asm__ volatile(load ST_LOAD WAIT store ST_STORE                          \
                     : "+a"(nr)                                                \
                     : [in] "r"(in), [out] "r"(out),                           \
                       [spins] "r"(ways[way].spins), [plain] "m"(plain),       \
                       "D"(&nap), "S"(0)                                       \
                     : "rcx", "r11", "memory", "cc", "xmm0", "xmm1", "xmm2",   \
                       "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", \
                       "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15")
    if (avx)
        GO(ALL16(YLOAD), ALL16(YSTORE) "vzeroupper\n");
    else
        GO(ALL16(XLOAD), ALL16(XSTORE));
}

static void hex(const char *label, const uint8_t *at, unsigned int len)
{
    printf(" %s ", label);
    for (unsigned int i = 0; i < len; i++)
        printf("%02x", at[i]);
}

static void lost(const char *which, unsigned int n, const void *want,
                 const void *got, unsigned int len, unsigned int way)
{
    printf("vectors LOST: %s %u after %s, pid %d:", which, n, ways[way].name,
           getpid());
    hex("had", want, len);
    hex("has", got, len);
    printf("\n");
    fflush(stdout);
}

static bool same(const struct regs *a, const struct regs *b, unsigned int way)
{
    for (unsigned int i = 0; i < NR_REGS; i++) {
        if (memcmp(a->vec[i], b->vec[i], 16)) {
            lost("xmm", i, a->vec[i], b->vec[i], 16, way);
            return false;
        }
        if (memcmp(a->vec[i] + 16, b->vec[i] + 16, 16)) {
            lost("upper ymm", i, a->vec[i] + 16, b->vec[i] + 16, 16, way);
            return false;
        }
    }
    for (unsigned int i = 0; i < 8; i++)
        if (memcmp(a->st[i], b->st[i], 10)) {
            lost("st", i, a->st[i], b->st[i], 10, way);
            return false;
        }
    if (a->mxcsr != b->mxcsr || a->control != b->control) {
        lost("mxcsr and control", 0, &a->mxcsr, &b->mxcsr, 6, way);
        return false;
    }
    return true;
}

/* Of all processes. */
static struct totals {
    volatile uint64_t rounds, losses;
    volatile bool stop;
} * totals;

#define ENOUGH_LOSSES 20

static void stop(int sig)
{
    (void)sig;
    totals->stop = true;
}

static void work(unsigned int who, time_t end)
{
    struct regs in, out;

    for (unsigned int i = 0; time(NULL) < end && !totals->stop; i++) {
        fill(&in, who + i);
        memset(&out, 0, sizeof(out));
        round_trip(&in, &out, i % NR_WAYS);
        __sync_fetch_and_add(&totals->rounds, 1);
        if (!same(&in, &out, i % NR_WAYS) &&
            __sync_add_and_fetch(&totals->losses, 1) > ENOUGH_LOSSES)
            break;
    }
}

int main(int argc, char **argv)
{
    unsigned int seconds = argc > 1 ? (unsigned int)atoi(argv[1]) : 10;
    unsigned int processes = argc > 2 ? (unsigned int)atoi(argv[2]) : 4;
    time_t end = time(NULL) + seconds;
    int status, bad = 0;

    totals = mmap(NULL, sizeof(*totals), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (totals == MAP_FAILED)
        return 2;
    find_avx();
    signal(SIGTERM, stop);
    for (unsigned int i = 0; i < processes; i++)
        if (fork() == 0) {
            work(i * 7, end);
            return 0;
        }
    while (wait(&status) > 0)
        if (status) {
            printf("vectors LOST: a process ended with %#x\n", status);
            bad = 1;
        }
    if (!bad && !totals->losses && totals->rounds)
        printf("vectors ok: %lu rounds %s AVX\n", totals->rounds,
               avx ? "with" : "without");
    else
        printf("vectors FAIL: %lu losses in %lu rounds\n", totals->losses,
               totals->rounds);
    return bad || totals->losses || !totals->rounds;
}
