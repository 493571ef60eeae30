/* SPDX-License-Identifier: MIT */
/*
 * Included by the build before anything else: every symbol is of this image,
 * so the compiler needs no table of addresses to reach it.
 */
#pragma GCC visibility push(hidden)
