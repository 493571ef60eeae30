/* SPDX-License-Identifier: MIT */
/*
 * kexec_op load: check the segments, then copy them page by page. Images are
 * large, so the copy gives way; what is half loaded waits here under a token,
 * which the continued call brings along. A caller that comes with another
 * token has been overtaken by a later load.
 *
 * A crash image is copied to where it will run, over the one before: that one
 * is gone from the moment when the copy begins, also if it fails.
 */
#include "kexec.h"

#include <hv/arch.h>
#include <hv/boot.h>
#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/page.h>

#define EM_386    3
#define EM_X86_64 62
#define LOW_END   0x100000UL

static struct kexec_image *loading;
static uint32_t last_token;

static void drop_loading(void)
{
    kexec_image_free(loading);
    loading = NULL;
}

void kexec_load_cancel(unsigned int type)
{
    if (loading && loading->type == type)
        drop_loading();
}

/* ---- checks ---- */

static bool within_ram(paddr_t start, uint64_t size)
{
    for (unsigned int i = 0; i < boot_info.nr_e820; i++) {
        const struct e820_entry *e = &boot_info.e820[i];

        if (e->type == E820_RAM && start >= e->addr &&
            start - e->addr <= e->size && size <= e->size - (start - e->addr))
            return true;
    }
    return false;
}

static bool within_crash_area(paddr_t start, uint64_t size)
{
    return start >= crash_area.start &&
           start - crash_area.start <= crash_area.size &&
           size <= crash_area.size - (start - crash_area.start);
}

/* What is copied to: the crash area, or any RAM. What is only to be reachable
 * may also be firmware's low memory, which a crash kernel's loader saves. */
static int check_place(uint8_t type, const struct kexec_segment *s)
{
    paddr_t end = s->dest + s->dest_size;

    if ((s->dest | s->dest_size) & (PAGE_SIZE - 1) || end < s->dest)
        return -EADDRNOTAVAIL;
    if (!s->buf && (end <= LOW_END || within_ram(s->dest, s->dest_size)))
        return 0;
    if (type == KEXEC_TYPE_CRASH ? within_crash_area(s->dest, s->dest_size)
                                 : within_ram(s->dest, s->dest_size))
        return 0;
    return -EADDRNOTAVAIL;
}

static bool overlap(const struct kexec_segment *a,
                    const struct kexec_segment *b)
{
    return a->dest < b->dest + b->dest_size && b->dest < a->dest + a->dest_size;
}

static int check_segments(const struct kexec_image *img)
{
    bool entry_inside = false;

    for (unsigned int i = 0; i < img->nr_segments; i++) {
        const struct kexec_segment *s = &img->segment[i];
        int rc = check_place(img->type, s);

        if (rc)
            return rc;
        if (s->buf_size > s->dest_size)
            return -EINVAL;
        for (unsigned int j = 0; j < i; j++)
            if (overlap(s, &img->segment[j]))
                return -EINVAL;
        if (s->buf && img->entry >= s->dest &&
            img->entry - s->dest < s->dest_size)
            entry_inside = true;
    }
    if (!entry_inside || (img->entry_32bit && img->entry >> 32))
        return -EADDRNOTAVAIL;
    return 0;
}

/* ---- begin, go on, end ---- */

static int read_segments(struct kexec_image *img,
                         const struct xen_kexec_load *op)
{
    img->nr_segments = op->nr_segments;
    for (unsigned int i = 0; i < op->nr_segments; i++) {
        struct xen_kexec_segment s;

        if (copy_from_handle_at(&s, op->segments.h, i))
            return -EFAULT;
        img->segment[i] = (struct kexec_segment){
            .dest = s.dest_maddr,
            .dest_size = s.dest_size,
            .buf = handle_va(s.buf.h),
            .buf_size = handle_is_null(s.buf.h) ? 0 : s.buf_size,
        };
    }
    return check_segments(img);
}

static int begin(const struct xen_kexec_load *op)
{
    struct kexec_image *img;
    int rc;

    if (op->type > KEXEC_TYPE_CRASH || op->nr_segments > KEXEC_MAX_SEGMENTS ||
        (op->arch != EM_386 && op->arch != EM_X86_64))
        return -EINVAL;
    rc = kexec_image_new(&img);
    if (rc)
        return rc;
    img->type = op->type;
    img->entry = op->entry_maddr;
    img->entry_32bit = op->arch == EM_386;
    rc = read_segments(img, op);
    if (!rc)
        rc = arch_kexec_prepare(img);
    if (rc) {
        kexec_image_free(img);
        return rc;
    }
    if (++last_token == 0)
        last_token = 1;
    img->token = last_token;
    drop_loading();
    loading = img;
    if (img->type == KEXEC_TYPE_CRASH)
        kexec_image_free(kexec_set_image(KEXEC_TYPE_CRASH, NULL));
    return 0;
}

/* One page of the segment: bytes of the buffer, then zeros. */
static int copy_page(struct kexec_image *img, const struct kexec_segment *s,
                     uint64_t offset)
{
    uint64_t left = s->buf_size > offset ? s->buf_size - offset : 0;
    size_t n = (size_t)min_t(uint64_t, left, PAGE_SIZE);
    char *page = kexec_image_dest(img, s->dest + offset);

    if (!page)
        return -ENOMEM;
    memset(page + n, 0, PAGE_SIZE - n);
    return n ? copy_from_guest_va(page, s->buf + offset, n) : 0;
}

/* -ERESTART: there is more. */
static int copy_some(struct kexec_image *img)
{
    while (img->next_segment < img->nr_segments) {
        const struct kexec_segment *s = &img->segment[img->next_segment];
        int rc;

        if (!s->buf || img->next_offset == s->dest_size) {
            img->next_segment++;
            img->next_offset = 0;
            continue;
        }
        rc = copy_page(img, s, img->next_offset);
        if (rc)
            return rc;
        img->next_offset += PAGE_SIZE;
        if (hypercall_preempt_check())
            return -ERESTART;
    }
    return 0;
}

long kexec_load(guest_va_t arg, uint32_t token)
{
    struct kexec_image *img;
    int rc;

    if (!token) {
        struct xen_kexec_load op;

        if (copy_from_guest_va(&op, arg, sizeof(op)))
            return -EFAULT;
        rc = begin(&op);
        if (rc)
            return rc;
    } else if (!loading || loading->token != token) {
        return -EBUSY;
    }
    img = loading;
    rc = copy_some(img);
    if (rc == -ERESTART)
        return hypercall_continue(
            __HYPERVISOR_kexec_op, 2,
            (unsigned long)img->token << 32 | KEXEC_CMD_kexec_load, arg);
    if (rc) {
        drop_loading();
        return rc;
    }
    loading = NULL;
    kexec_image_free(kexec_set_image(img->type, img));
    return 0;
}
