/* SPDX-License-Identifier: MIT */
/*
 * The control domain's kernel out of a boot module: an ELF image, plain or
 * inside a bzImage (Linux, "The Linux/x86 Boot Protocol").
 */
#include "dom0.h"

#include <hv/lib.h>
#include <hv/page.h>

#define BZ_SETUP_SECTS     0x1f1
#define BZ_HEADER_MAGIC    0x202 /* "HdrS" */
#define BZ_VERSION         0x206
#define BZ_PAYLOAD_OFFSET  0x248
#define BZ_PAYLOAD_LENGTH  0x24c
#define BZ_HEADER_END      0x250
#define BZ_VERSION_PAYLOAD 0x0208 /* first that states the payload */
#define MAX_UNPACKED       (512UL << 20)

static uint32_t __init get32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

static bool __init is_bzimage(const uint8_t *m, uint64_t size)
{
    return size >= BZ_HEADER_END && !memcmp(m + BZ_HEADER_MAGIC, "HdrS", 4);
}

/* The compressed payload; its last four bytes are the unpacked size. */
static const char *__init find_payload(const uint8_t *m, uint64_t size,
                                       const uint8_t **payload, uint64_t *bytes)
{
    uint64_t setup = m[BZ_SETUP_SECTS] ? m[BZ_SETUP_SECTS] : 4;
    uint64_t start = (setup + 1) * 512 + get32(m + BZ_PAYLOAD_OFFSET);
    uint64_t len = get32(m + BZ_PAYLOAD_LENGTH);

    if ((get32(m + BZ_VERSION) & 0xffff) < BZ_VERSION_PAYLOAD)
        return "a bzImage of a boot protocol before 2.08";
    if (len < 16 || start > size || len > size - start)
        return "truncated: the bzImage is shorter than its header says";
    *payload = m + start;
    *bytes = len;
    return NULL;
}

static const char *__init unpack(const uint8_t *m, uint64_t size,
                                 struct dom0_kernel *k)
{
    const uint8_t *payload;
    uint64_t bytes, out;
    const char *err = find_payload(m, size, &payload, &bytes), *format;

    if (err)
        return err;
    format = dom0_unpack_format(payload, bytes);
    if (!format)
        return "compressed in a format that is not XZ, ZSTD, LZ4 or GZIP";
    out = get32(payload + bytes - 4);
    if (out < 4096 || out > MAX_UNPACKED)
        return "corrupt: it states an impossible unpacked size";
    k->unpacked = hv_vmalloc(out);
    k->unpacked_bytes = out;
    if (!k->unpacked)
        return "too large: no memory to unpack it";
    printk(LOG_INFO "dom0 kernel: bzImage, %s, %lu KiB unpacked\n", format,
           out >> 10);
    return dom0_unpack(payload, bytes - 4, k->unpacked, out);
}

const char *__init dom0_kernel_open(const void *module, uint64_t size,
                                    struct dom0_kernel *k)
{
    const char *err = NULL;

    memset(k, 0, sizeof(*k));
    if (is_bzimage(module, size)) {
        err = unpack(module, size, k);
        if (!err)
            err = elf_parse(k->unpacked, k->unpacked_bytes, &k->elf);
    } else {
        err = elf_parse(module, size, &k->elf);
    }
    if (err)
        dom0_kernel_close(k);
    return err;
}

void __init dom0_kernel_close(struct dom0_kernel *k)
{
    if (k->unpacked)
        hv_vfree(k->unpacked, k->unpacked_bytes);
    k->unpacked = NULL;
}
