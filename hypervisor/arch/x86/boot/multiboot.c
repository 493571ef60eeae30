/* SPDX-License-Identifier: MIT */
/*
 * Copies what the loader left in memory to boot_info, before anything may be
 * overwritten. Runs on the boot page tables, where low memory is at its own
 * address.
 */
#include <hv/boot.h>
#include <hv/lib.h>

#include <asm/boot.h>

#include "multiboot.h"

struct boot_info boot_info;

/* A path (or GRUB's word in its place) rather than an option. */
static bool __init is_image_name(const char *word, size_t n)
{
    if (n == 11 && !strncmp(word, "placeholder", n))
        return true;
    for (size_t i = 0; i < n; i++) {
        if (word[i] == '=')
            return false;
        if (word[i] == '/')
            return true;
    }
    return n > 4 && !strncmp(word + n - 4, ".elf", 4);
}

/* QEMU always puts the image's name first; of other loaders only some do. */
static const char *__init strip_image_name(const char *s)
{
    size_t n = 0;

    while (*s == ' ')
        s++;
    while (s[n] && s[n] != ' ')
        n++;
    if (!strcmp(boot_info.loader, "qemu") || is_image_name(s, n))
        s += n;
    while (*s == ' ')
        s++;
    return s;
}

static void __init copy_cmdline(char *dst, const char *src)
{
    size_t n;

    strlcpy(dst, strip_image_name(src), sizeof(boot_info.cmdline));
    for (n = strlen(dst); n && dst[n - 1] == ' '; n--)
        dst[n - 1] = '\0';
}

static void __init add_module(uint64_t start, uint64_t end, const char *string)
{
    struct boot_module *m;

    if (boot_info.nr_modules == MAX_BOOT_MODULES || end <= start)
        return;
    m = &boot_info.module[boot_info.nr_modules++];
    m->start = start;
    m->len = end - start;
    copy_cmdline(m->cmdline, string);
}

static const void *__init low(uint32_t addr)
{
    return (const void *)(uintptr_t)addr;
}

static void __init read_mb1(const struct mb1_info *mbi)
{
    if (mbi->flags & MB1_HAS_LOADER)
        strlcpy(boot_info.loader, low(mbi->loader_name),
                sizeof(boot_info.loader));
    if (mbi->flags & MB1_HAS_CMDLINE)
        copy_cmdline(boot_info.cmdline, low(mbi->cmdline));
    if (mbi->flags & MB1_HAS_MODULES) {
        const struct mb1_module *m = low(mbi->mods_addr);

        for (uint32_t i = 0; i < mbi->mods_count; i++)
            add_module(m[i].start, m[i].end,
                       m[i].string ? low(m[i].string) : "");
    }
    if (mbi->flags & MB1_HAS_MMAP) {
        const char *p = low(mbi->mmap_addr), *end = p + mbi->mmap_length;

        while (p < end) {
            const struct mb1_mmap *e = (const void *)p;

            e820_add(e->addr, e->len, e->type);
            p += e->size + sizeof(e->size);
        }
    }
    if (mbi->flags & MB1_HAS_FRAMEBUFFER) {
        boot_info.fb.addr = mbi->fb_addr;
        boot_info.fb.pitch = mbi->fb_pitch;
        boot_info.fb.width = mbi->fb_width;
        boot_info.fb.height = mbi->fb_height;
        boot_info.fb.bpp = mbi->fb_bpp;
        boot_info.fb.type = mbi->fb_type;
    }
}

static void __init read_mb2_mmap(const struct mb2_mmap *t)
{
    const char *p = t->entries, *end = (const char *)t + t->tag.size;

    if (t->entry_size < sizeof(struct mb2_mmap_entry))
        return;
    for (; p + sizeof(struct mb2_mmap_entry) <= end; p += t->entry_size) {
        const struct mb2_mmap_entry *e = (const void *)p;

        e820_add(e->addr, e->len, e->type);
    }
}

/* The loader's copy of the RSDP is moved: its own memory is not kept. */
static uint8_t __initdata rsdp_copy[64] ALIGNED(16);

static void __init read_mb2_rsdp(const struct mb2_string *t)
{
    memcpy(rsdp_copy, t->string,
           min_t(size_t, t->tag.size - sizeof(t->tag), sizeof(rsdp_copy)));
    boot_info.rsdp = boot_image_phys(rsdp_copy);
}

static void __init read_mb2_tag(const struct mb2_tag *t)
{
    const struct mb2_string *str = (const void *)t;
    const struct mb2_module *mod = (const void *)t;
    const struct mb2_framebuffer *fb = (const void *)t;

    switch (t->type) {
    case MB2_TAG_CMDLINE:
        copy_cmdline(boot_info.cmdline, str->string);
        break;
    case MB2_TAG_LOADER:
        strlcpy(boot_info.loader, str->string, sizeof(boot_info.loader));
        break;
    case MB2_TAG_MODULE:
        add_module(mod->start, mod->end, mod->string);
        break;
    case MB2_TAG_MMAP:
        read_mb2_mmap((const void *)t);
        break;
    case MB2_TAG_FRAMEBUFFER:
        boot_info.fb.addr = fb->addr;
        boot_info.fb.pitch = fb->pitch;
        boot_info.fb.width = fb->width;
        boot_info.fb.height = fb->height;
        boot_info.fb.bpp = fb->bpp;
        boot_info.fb.type = fb->type;
        break;
    case MB2_TAG_EFI64:
    case MB2_TAG_EFI_MMAP:
        boot_info.efi = true;
        break;
    case MB2_TAG_ACPI_OLD:
        if (!boot_info.rsdp)
            read_mb2_rsdp(str);
        break;
    case MB2_TAG_ACPI_NEW:
        read_mb2_rsdp(str);
        break;
    }
}

static void __init read_mb2(const struct mb2_info *info)
{
    const char *p = (const char *)info->tag;
    const char *end = (const char *)info + info->total_size;

    while (p + sizeof(struct mb2_tag) <= end) {
        const struct mb2_tag *t = (const void *)p;

        if (t->type == MB2_TAG_END || t->size < sizeof(*t) ||
            t->size > (size_t)(end - p))
            break;
        read_mb2_tag(t);
        p += ROUND_UP(t->size, 8U);
    }
}

bool __init multiboot_read(uint32_t magic, uint32_t info)
{
    e820_forget();
    if (magic == MB1_BOOT_MAGIC)
        read_mb1(low(info));
    else if (magic == MB2_BOOT_MAGIC)
        read_mb2(low(info));
    else
        return false;
    e820_finish();
    return true;
}
