/* SPDX-License-Identifier: MIT */
/*
 * A boot module as the control domain's kernel: bzImage, the four packings,
 * ELF, notes, and the layout that comes out of them.
 */
#include <stdlib.h>
#include <string.h>

#include <arch/x86/pv/dom0.h>
#include <hostarch.h>
#include <hv/elf.h>
#include <hv/page.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __lsan_is_turned_off(void);

/* What decoders leave behind goes with the arena. */
int __lsan_is_turned_off(void)
{
    return 1;
}

/* Memory of the hypervisor: the decoders' arena is too large to be made anew
 * for each input, and an image that states more than this is refused. */
#define MAX_OUT (2UL << 20)

static char arena[48UL << 20];

void *hv_vmalloc(size_t bytes)
{
    if (bytes == sizeof(arena))
        return arena;
    return bytes <= MAX_OUT ? calloc(1, bytes) : NULL;
}

void hv_vfree(void *va, size_t bytes)
{
    (void)bytes;
    if (va != arena)
        free(va);
}

void *hv_alloc_pages(unsigned int order)
{
    return calloc(1, PAGE_SIZE << order);
}

void hv_free_pages(void *va, unsigned int order)
{
    (void)order;
    free(va);
}

static void use(const struct dom0_kernel *k)
{
    volatile uint8_t sum = 0;
    struct dom0_params p;
    struct dom0_layout l;

    for (unsigned int i = 0; i < k->elf.nr_segments; i++) {
        const struct elf_segment *s = &k->elf.segment[i];
        const uint8_t *bytes = s->data;

        BUG_ON(s->file_bytes > s->mem_bytes);
        for (uint64_t n = 0; n < s->file_bytes; n += 64)
            sum = (uint8_t)(sum + bytes[n]);
        if (s->file_bytes)
            sum = (uint8_t)(sum + bytes[s->file_bytes - 1]);
    }
    if (dom0_params_read(k, &p) == NULL) {
        BUG_ON(p.first >= p.end);
        if (dom0_layout_make(&p, 65536, 12345, &l) == NULL)
            BUG_ON(l.region_pages > l.nr_pages || l.stack < p.virt_base);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A copy: what is read beyond it is seen. */
    uint8_t *module = malloc(size ? size : 1);
    struct dom0_kernel k;

    memcpy(module, data, size);
    if (dom0_kernel_open(module, size, &k) == NULL) {
        use(&k);
        dom0_kernel_close(&k);
    }
    free(module);
    return 0;
}
