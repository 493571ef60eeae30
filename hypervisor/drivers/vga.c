/* SPDX-License-Identifier: MIT */
/*
 * VGA text mode, 80 columns by 25 lines: the screen of a PC that was started
 * by its BIOS. It is dom0's as soon as that runs, unless vga=keep.
 */
#include <hv/boot.h>
#include <hv/cmdline.h>
#include <hv/console_sink.h>
#include <hv/lib.h>

#include <asm/page.h>

#define VGA_TEXT      0xb8000UL
#define COLUMNS       80
#define LINES         25
#define GREY_ON_BLACK 0x0700

static volatile uint16_t *cells;
static unsigned int column, line;

static bool vga_keep __initdata;
static int __init parse_vga(const char *s)
{
    if (strcmp(s, "keep"))
        return -EINVAL;
    vga_keep = true;
    return 0;
}
PARAM_FUNC("vga", parse_vga);

static void clear_line(unsigned int n)
{
    for (unsigned int i = 0; i < COLUMNS; i++)
        cells[n * COLUMNS + i] = GREY_ON_BLACK | ' ';
}

static void next_line(void)
{
    column = 0;
    if (++line < LINES)
        return;
    for (unsigned int i = 0; i < (LINES - 1) * COLUMNS; i++)
        cells[i] = cells[i + COLUMNS];
    line = LINES - 1;
    clear_line(line);
}

static void vga_write(const char *buf, size_t len)
{
    if (!cells)
        return;
    for (size_t i = 0; i < len; i++) {
        if (buf[i] == '\n') {
            next_line();
        } else if (buf[i] == '\r') {
            column = 0;
        } else if ((unsigned char)buf[i] >= ' ') {
            cells[line * COLUMNS + column] =
                (uint16_t)(GREY_ON_BLACK | (unsigned char)buf[i]);
            if (++column == COLUMNS)
                next_line();
        }
    }
}

static struct console_sink vga_sink = {.name = "vga", .write = vga_write};

/* Text mode is what a BIOS leaves; EFI has a frame buffer only. */
static bool __init is_text_mode(void)
{
    return boot_info.fb.type == 2 || (!boot_info.fb.type && !boot_info.efi);
}

void __init vga_init_early(void)
{
    if (!is_text_mode())
        return;
    vga_sink.until_dom0 = !vga_keep;
    console_add_sink(&vga_sink);
}

void __init vga_init_late(void)
{
    if (!vga_sink.enabled)
        return;
    cells = ioremap(VGA_TEXT, COLUMNS * LINES * sizeof(*cells));
    for (unsigned int i = 0; cells && i < LINES; i++)
        clear_line(i);
    console_replay(&vga_sink);
}
