/* SPDX-License-Identifier: MIT */
/*
 * What the hypervisor says of itself. Fixed strings: two builds of one source
 * are the same file.
 */
#ifndef HV_VERSION_H
#define HV_VERSION_H

#include <hv/types.h>

#ifndef TRELLIS_VERSION /* the build gives it */
#define TRELLIS_VERSION "0.1"
#endif
#define TRELLIS_EXTRAVERSION ".0-trellis"
#define TRELLIS_CHANGESET    "trellis-" TRELLIS_VERSION
#define TRELLIS_COMPILER     "gcc " __VERSION__
#define TRELLIS_DATE         "reproducible"

/* What the linker computed over the image; NULL, 0 if it did not. */
const void *build_id(size_t *len_bytes);

#endif
