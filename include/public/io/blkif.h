/* SPDX-License-Identifier: MIT */
/*
 * The block device protocol. A frontend asks for sectors (always 512 bytes)
 * to be moved between a disk and granted pages.
 */
#ifndef PUBLIC_IO_BLKIF_H
#define PUBLIC_IO_BLKIF_H

#include <public/grant_table.h>
#include <public/io/ring.h>

/* Operations. */
#define BLKIF_OP_READ                        0
#define BLKIF_OP_WRITE                       1
#define BLKIF_OP_WRITE_BARRIER               2
#define BLKIF_OP_FLUSH_DISKCACHE             3
#define BLKIF_OP_RESERVED_1                  4
#define BLKIF_OP_DISCARD                     5
#define BLKIF_OP_INDIRECT                    6
#define BLKIF_MAX_SEGMENTS_PER_REQUEST       11
#define BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST 8

/* first_sect and last_sect: sectors within the page, both included. */
struct blkif_request_segment {
    grant_ref_t gref;
    uint8_t first_sect;
    uint8_t last_sect;
};

/* The layout of READ, WRITE, WRITE_BARRIER and FLUSH_DISKCACHE. */
struct blkif_request {
    uint8_t operation;
    uint8_t nr_segments;
    uint16_t handle;
    uint64_t id;
    uint64_t sector_number;
    struct blkif_request_segment seg[BLKIF_MAX_SEGMENTS_PER_REQUEST];
};
typedef struct blkif_request blkif_request_t;

struct blkif_request_discard {
    uint8_t operation;
    uint8_t flag;
    uint16_t handle;
    uint64_t id;
    uint64_t sector_number;
    uint64_t nr_sectors;
};

#define BLKIF_DISCARD_SECURE (1u << 0)

typedef struct blkif_request_discard blkif_request_discard_t;

/* The segments stand in granted pages. */
struct blkif_request_indirect {
    uint8_t operation;
    uint8_t indirect_op;
    uint16_t nr_segments;
    uint64_t id;
    uint64_t sector_number;
    uint16_t handle;
    grant_ref_t indirect_grefs[BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST];
};
typedef struct blkif_request_indirect blkif_request_indirect_t;

struct blkif_response {
    uint64_t id;
    uint8_t operation;
    int16_t status;
};
typedef struct blkif_response blkif_response_t;

/* Results. */
#define BLKIF_RSP_EOPNOTSUPP (-2)
#define BLKIF_RSP_ERROR      (-1)
#define BLKIF_RSP_OKAY       0

/* Bits of the "info" node. */
#define VDISK_CDROM     0x1
#define VDISK_REMOVABLE 0x2
#define VDISK_READONLY  0x4

typedef uint16_t blkif_vdev_t;
typedef uint64_t blkif_sector_t;

DEFINE_RING_TYPES(blkif, struct blkif_request, struct blkif_response);

#endif
