/* SPDX-License-Identifier: MIT */
/* Names of the ring layouts, as a frontend writes them to "protocol". */
#ifndef PUBLIC_IO_PROTOCOLS_H
#define PUBLIC_IO_PROTOCOLS_H

#define XEN_IO_PROTO_ABI_X86_32 "x86_32-abi"
#define XEN_IO_PROTO_ABI_X86_64 "x86_64-abi"
#define XEN_IO_PROTO_ABI_NATIVE XEN_IO_PROTO_ABI_X86_64

#endif
