# SPDX-License-Identifier: MIT
# The unpacker brings a malloc of its own for the decoders, which here use
# libc's, so that the sanitizer watches them too.
dom0_kernel_SRCS := hypervisor/lib/elf.c \
	hypervisor/arch/x86/pv/dom0_kernel.c \
	hypervisor/arch/x86/pv/dom0_layout.c \
	hypervisor/arch/x86/pv/dom0_unpack.c
dom0_kernel_SRC_CFLAGS := -Dmalloc=hv_malloc -Dcalloc=hv_calloc -Dfree=hv_free_ \
	-Drealloc=hv_realloc -D__stack_chk_fail=hv_stack_chk_fail \
	-DZSTD_trace_decompress_begin=hv_trace_begin \
	-DZSTD_trace_decompress_end=hv_trace_end
dom0_kernel_LIBS := -llzma -lzstd -llz4 -lz
dom0_kernel_RUN := -max_len=8192 -rss_limit_mb=1500
