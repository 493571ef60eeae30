/* SPDX-License-Identifier: MIT */
/*
 * Steps of start-up on x86, in the order in which main.c takes them, and the
 * memory that is handed out before the allocator exists.
 */
#ifndef ASM_BOOT_H
#define ASM_BOOT_H

#include <hv/types.h>

#include <asm/image.h>

/* First C function, on CPU 0's stack, interrupts off. */
void start_hypervisor(uint32_t magic, uint32_t info) NORETURN;

/* boot/multiboot.c: fills boot_info; false: unknown loader. */
bool multiboot_read(uint32_t magic, uint32_t info);
static inline paddr_t boot_image_phys(const void *p)
{
    return image_to_phys(p);
}

/* boot/e820.c: collect the map, then sort it and make it free of overlap. */
void e820_add(uint64_t addr, uint64_t size, uint32_t type);
void e820_finish(void);
void e820_forget(void); /* start over */
void show_e820(void);

/*
 * boot/boot_alloc.c: RAM in whole pages, before the heap. Everything of RAM
 * but low memory, the image and the modules.
 */
void boot_alloc_init(void);
/* bytes and align: powers of two or multiples of a page. The highest fitting
 * place below limit. Never fails (panics). Not cleared. */
paddr_t boot_alloc(uint64_t bytes, uint64_t align, paddr_t limit);
/* The same; 0 if there is no such place. */
paddr_t boot_alloc_try(uint64_t bytes, uint64_t align, paddr_t limit);
/* Exactly these whole pages; false if they are not all free. */
bool boot_alloc_at(paddr_t start, uint64_t bytes);
/* Hand all that is left to the heap; boot_alloc() ends. */
void boot_alloc_finish(void);

/* boot/crash_area.c: what crashkernel= asks for, right after
 * boot_alloc_init(). */
void crash_area_reserve(void);

/* boot/log_area.c: memory for the log, before all others; later, when the
 * direct map is there, the log moves into it. */
void log_area_reserve(void);
void log_area_use(void);

/* paging.c: replace the boot page tables: image, direct map, tables. */
void paging_init(void);
/* Frame table and machine-to-physical table, then the heap. */
void frame_table_init(void);
/* Page tables before the heap exists come from boot_alloc(). */
extern bool heap_ready, directmap_ready;
extern uint64_t boot_l4[512]; /* head.S */

/* Free the init part of the image and seal what is read-only after boot. */
void free_init_memory(void);

/* uart_irq.c, reboot.c, backtrace.c, keys.c */
void uart_irq_init(void);
void reboot_init(void);
void backtrace_init(void);
void arch_keys_init(void);

#endif
