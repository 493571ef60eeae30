/* SPDX-License-Identifier: MIT */
/*
 * Decoders for kernel payloads: thin calls of liblzma, libzstd, liblz4, zlib.
 * Each returns 0, or -errno with a reason; the size check is common.
 */
#include "libs/image/unpack.h"

#include <errno.h>
#include <limits.h>

#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#define XZ_MEMORY_LIMIT  (512ull << 20)
#define LZ4_LEGACY_BLOCK (8u << 20)

struct magic {
    enum packing packing;
    uint8_t len;
    uint8_t bytes[6];
};

static const struct magic magics[] = {
    {PACKING_GZIP, 3, {0x1f, 0x8b, 0x08}},
    {PACKING_XZ, 6, {0xfd, '7', 'z', 'X', 'Z', 0x00}},
    {PACKING_ZSTD, 4, {0x28, 0xb5, 0x2f, 0xfd}},
    {PACKING_LZ4, 4, {0x02, 0x21, 0x4c, 0x18}},
    {PACKING_OTHER, 3, {'B', 'Z', 'h'}},
    {PACKING_OTHER, 3, {0x5d, 0x00, 0x00}},
    {PACKING_OTHER, 4, {0x89, 'L', 'Z', 'O'}},
};

enum packing packing_of(struct bytes in)
{
    for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
        const struct magic *m = &magics[i];

        if (in.len >= m->len && memcmp(in.p, m->bytes, m->len) == 0)
            return m->packing;
    }
    return PACKING_NONE;
}

const char *packing_name(enum packing packing)
{
    static const char *const names[] = {
        [PACKING_NONE] = "unpacked", [PACKING_GZIP] = "GZIP",
        [PACKING_XZ] = "XZ",         [PACKING_ZSTD] = "ZSTD",
        [PACKING_LZ4] = "LZ4",       [PACKING_OTHER] = "BZIP2, LZMA or LZO",
    };

    return names[packing];
}

static int unpack_gzip(struct bytes in, uint8_t *out, size_t *out_len)
{
    z_stream z = {0};
    int zrc;

    if (in.len > UINT_MAX || *out_len > UINT_MAX)
        return -EFBIG;
    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
        return -ENOMEM;
    z.next_in = (Bytef *)(uintptr_t)in.p;
    z.avail_in = (uInt)in.len;
    z.next_out = out;
    z.avail_out = (uInt)*out_len;
    zrc = inflate(&z, Z_FINISH);
    *out_len = z.total_out;
    inflateEnd(&z);
    return zrc == Z_STREAM_END ? 0 : -EINVAL;
}

static int unpack_xz(struct bytes in, uint8_t *out, size_t *out_len)
{
    uint64_t memory = XZ_MEMORY_LIMIT;
    size_t in_pos = 0, out_pos = 0;
    lzma_ret lrc = lzma_stream_buffer_decode(&memory, 0, NULL, in.p, &in_pos,
                                             in.len, out, &out_pos, *out_len);

    if (lrc == LZMA_MEM_ERROR || lrc == LZMA_MEMLIMIT_ERROR)
        return -ENOMEM;
    *out_len = out_pos;
    return lrc == LZMA_OK ? 0 : -EINVAL;
}

static int unpack_zstd(struct bytes in, uint8_t *out, size_t *out_len)
{
    size_t got = ZSTD_decompress(out, *out_len, in.p, in.len);

    if (ZSTD_isError(got))
        return -EINVAL;
    *out_len = got;
    return 0;
}

/* The legacy frame: magic, then {u32 packed length, block of <= 8 MiB}. */
static int unpack_lz4(struct bytes in, uint8_t *out, size_t *out_len)
{
    size_t room = *out_len;
    uint64_t pos = 4;

    *out_len = 0;
    while (pos < in.len) {
        uint32_t packed_len;
        size_t want = room < LZ4_LEGACY_BLOCK ? room : LZ4_LEGACY_BLOCK;
        int got;

        if (!bytes_get(in, pos, &packed_len, sizeof(packed_len)) ||
            !bytes_has(in, pos + 4, packed_len) || packed_len > INT_MAX)
            return -EINVAL;
        got = LZ4_decompress_safe((const char *)in.p + pos + 4,
                                  (char *)out + *out_len, (int)packed_len,
                                  (int)want);
        if (got < 0)
            return -EINVAL;
        *out_len += (size_t)got;
        room -= (size_t)got;
        pos += 4 + (uint64_t)packed_len;
    }
    return 0;
}

static int unpack_by(enum packing packing, struct bytes in, uint8_t *out,
                     size_t *out_len)
{
    switch (packing) {
    case PACKING_GZIP:
        return unpack_gzip(in, out, out_len);
    case PACKING_XZ:
        return unpack_xz(in, out, out_len);
    case PACKING_ZSTD:
        return unpack_zstd(in, out, out_len);
    case PACKING_LZ4:
        return unpack_lz4(in, out, out_len);
    case PACKING_NONE:
    case PACKING_OTHER:
        break;
    }
    return -EOPNOTSUPP;
}

int unpack(enum packing packing, struct bytes in, uint8_t *out, size_t out_len,
           struct errmsg *err)
{
    size_t got = out_len;
    int rc = unpack_by(packing, in, out, &got);

    if (rc == -EOPNOTSUPP)
        return err_set(err, rc,
                       "payload is packed with %s; GZIP, XZ, ZSTD and LZ4 "
                       "are supported",
                       packing_name(packing));
    if (rc == -ENOMEM)
        return err_set(err, rc, "out of memory while unpacking %s",
                       packing_name(packing));
    if (rc)
        return err_set(err, rc, "%s payload is damaged or cut short",
                       packing_name(packing));
    if (got != out_len)
        return err_set(err, -EINVAL,
                       "%s payload unpacks to %zu bytes instead of %zu",
                       packing_name(packing), got, out_len);
    return 0;
}
