/* SPDX-License-Identifier: MIT */
/*
 * Decompression of the control domain's kernel, by Debian's static liblzma,
 * libzstd, liblz4 and libz. They are ordinary programs' libraries: they use
 * SSE, the red zone below their stack and a stack canary at %fs:0x28, and
 * want a malloc. So they run with interrupts off, with the FPU open, with %fs
 * at a page of ours, and on memory from one arena that is dropped afterwards.
 * All of it is boot-only.
 */
#include "dom0.h"

#include <hv/lib.h>
#include <hv/page.h>

#include <asm/msr.h>
#include <asm/x86.h>

#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

/* ---- what the libraries call ---- */

void *malloc(size_t n);
void *calloc(size_t n, size_t size);
void *realloc(void *p, size_t n);
void free(void *p);
void __stack_chk_fail(void);
unsigned long long ZSTD_trace_decompress_begin(const void *dctx);
void ZSTD_trace_decompress_end(unsigned long long ctx, const void *trace);

#define ARENA_BYTES (48UL << 20) /* a dictionary of 32 MiB and some */
static char *arena __initdata;
static size_t arena_used __initdata;

void *__init malloc(size_t n)
{
    void *p;

    n = ROUND_UP(n, 64UL);
    if (!arena || n > ARENA_BYTES - arena_used)
        return NULL;
    p = arena + arena_used;
    arena_used += n;
    return p;
}

void *__init calloc(size_t n, size_t size)
{
    void *p;

    if (size && n > SIZE_MAX / size)
        return NULL;
    p = malloc(n * size);
    if (p)
        memset(p, 0, n * size);
    return p;
}

/* Given back with the whole arena. */
void __init free(void *p)
{
    (void)p;
}

void __init __stack_chk_fail(void)
{
    panic("dom0 kernel: corrupt: it overran a decoder's stack");
}

/* libzstd's hooks for tracing: nobody listens. */
unsigned long long __init ZSTD_trace_decompress_begin(const void *dctx)
{
    (void)dctx;
    return 0;
}

void __init ZSTD_trace_decompress_end(unsigned long long ctx, const void *trace)
{
    (void)ctx;
    (void)trace;
}

/* x87 and SSE as a program finds them (System V ABI, "Initial Register
 * State"). */
static void __init fpu_open(void)
{
    uint32_t mxcsr = 0x1f80;

    clts();
    __asm__ volatile("fninit; ldmxcsr %0" ::"m"(mxcsr));
}

/* ---- the formats ---- */

static const char *__init unpack_xz(const uint8_t *in, uint64_t in_bytes,
                                    uint8_t *out, uint64_t out_bytes)
{
    uint64_t limit = ARENA_BYTES;
    size_t in_pos = 0, out_pos = 0;
    lzma_ret rc = lzma_stream_buffer_decode(&limit, 0, NULL, in, &in_pos,
                                            in_bytes, out, &out_pos, out_bytes);

    if (rc == LZMA_MEM_ERROR || rc == LZMA_MEMLIMIT_ERROR)
        return "its XZ dictionary is too large";
    return rc == LZMA_OK && out_pos == out_bytes ? NULL : "corrupt XZ data";
}

static const char *__init unpack_zstd(const uint8_t *in, uint64_t in_bytes,
                                      uint8_t *out, uint64_t out_bytes)
{
    /* In one piece the output is its own window. */
    size_t n = ZSTD_decompress(out, out_bytes, in, in_bytes);

    return !ZSTD_isError(n) && n == out_bytes ? NULL : "corrupt ZSTD data";
}

/* The legacy frame: a magic number, then blocks of up to 8 MiB, each behind
 * its compressed size. */
static const char *__init unpack_lz4(const uint8_t *in, uint64_t in_bytes,
                                     uint8_t *out, uint64_t out_bytes)
{
    uint64_t at = 4, done = 0;

    while (at + 4 <= in_bytes && done < out_bytes) {
        uint32_t len;
        int n;

        memcpy(&len, in + at, sizeof(len));
        at += 4;
        if (len > in_bytes - at || len > INT32_MAX)
            return "corrupt LZ4 data";
        n = LZ4_decompress_safe(
            (const char *)in + at, (char *)out + done, (int)len,
            (int)min_t(uint64_t, out_bytes - done, 8UL << 20));
        if (n < 0)
            return "corrupt LZ4 data";
        done += (uint64_t)n;
        at += len;
    }
    return done == out_bytes ? NULL : "corrupt LZ4 data";
}

static const char *__init unpack_gzip(const uint8_t *in, uint64_t in_bytes,
                                      uint8_t *out, uint64_t out_bytes)
{
    z_stream z;
    int rc;

    memset(&z, 0, sizeof(z));
    z.next_in = (uint8_t *)(uintptr_t)in;
    z.avail_in = (uInt)in_bytes;
    z.next_out = out;
    z.avail_out = (uInt)out_bytes;
    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
        return "no memory to unpack it";
    rc = inflate(&z, Z_FINISH);
    /* The size states the last four bytes of a gzip file as well; Linux lets
     * both fall together, so the stream may end right at our end. */
    return (rc == Z_STREAM_END || rc == Z_BUF_ERROR) && z.total_out == out_bytes
               ? NULL
               : "corrupt GZIP data";
}

static const struct format {
    const char *name;
    uint8_t magic[6];
    uint8_t len;
    const char *(*unpack)(const uint8_t *in, uint64_t in_bytes, uint8_t *out,
                          uint64_t out_bytes);
} formats[] __initconst = {
    {"XZ", {0xfd, '7', 'z', 'X', 'Z', 0}, 6, unpack_xz},
    {"ZSTD", {0x28, 0xb5, 0x2f, 0xfd}, 4, unpack_zstd},
    {"LZ4", {0x02, 0x21, 0x4c, 0x18}, 4, unpack_lz4},
    {"GZIP", {0x1f, 0x8b}, 2, unpack_gzip},
};

static const struct format *__init find(const void *in, uint64_t in_bytes)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(formats); i++) {
        if (in_bytes > formats[i].len &&
            !memcmp(in, formats[i].magic, formats[i].len))
            return &formats[i];
    }
    return NULL;
}

const char *__init dom0_unpack_format(const void *in, uint64_t in_bytes)
{
    const struct format *f = find(in, in_bytes);

    return f ? f->name : NULL;
}

/* Called on a stack that is aligned to 8 only, as all of the hypervisor's. */
const char *__init __attribute__((force_align_arg_pointer))
dom0_unpack(const void *in, uint64_t in_bytes, void *out, uint64_t out_bytes)
{
    const struct format *f = find(in, in_bytes);
    uint64_t fs = rdmsr(MSR_FS_BASE);
    unsigned long flags;
    const char *err;
    void *tls = hv_alloc_pages(0);

    arena = hv_vmalloc(ARENA_BYTES);
    arena_used = 0;
    if (!f || !arena || !tls)
        return "no memory to unpack it";
    flags = irq_save();
    wrmsr(MSR_FS_BASE, (uint64_t)(uintptr_t)tls);
    fpu_open();
    err = f->unpack(in, in_bytes, out, out_bytes);
    wrmsr(MSR_FS_BASE, fs);
    irq_restore(flags);
    hv_vfree(arena, ARENA_BYTES);
    hv_free_pages(tls, 0);
    arena = NULL;
    return err;
}
