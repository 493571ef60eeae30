/* SPDX-License-Identifier: MIT */
/*
 * Which images are loaded, and the two ways into them.
 */
#include <hv/arch.h>
#include <hv/console.h>
#include <hv/domain.h>
#include <hv/kexec.h>
#include <hv/lib.h>
#include <hv/panic.h>

/* Read without a lock by whoever panics: set to an image that is whole, or to
 * NULL before one is changed. */
static struct kexec_image *loaded[2];

struct kexec_image *kexec_set_image(uint8_t type, struct kexec_image *img)
{
    return __atomic_exchange_n(&loaded[type], img, __ATOMIC_SEQ_CST);
}

bool kexec_is_loaded(uint8_t type)
{
    return READ_ONCE(loaded[type]) != NULL;
}

void kexec_crash(const struct cpu_regs *regs)
{
    const struct kexec_image *img = READ_ONCE(loaded[KEXEC_TYPE_CRASH]);

    if (!img)
        return;
    arch_crash_save(regs, true);
    printk("Starting the crash kernel at %#lx\n", img->entry);
    arch_kexec_enter(img);
}

void kexec_dom0_crashed(void)
{
    printk(LOG_ERR "dom0 crashed\n");
    if (!kexec_is_loaded(KEXEC_TYPE_CRASH))
        return;
    panic_begin();
    kexec_crash(current->domain->is_privileged ? guest_cpu_regs() : NULL);
}

int kexec_reboot(void)
{
    const struct kexec_image *img = READ_ONCE(loaded[KEXEC_TYPE_DEFAULT]);

    if (!img)
        return -ENOENT;
    printk("Starting the next kernel at %#lx\n", img->entry);
    arch_kexec_reboot(img);
}

static void crash_key(char key)
{
    (void)key;
    if (kexec_is_loaded(KEXEC_TYPE_CRASH))
        panic("asked for from the console");
    printk("No crash kernel is loaded: nothing is done\n");
}

void __init kexec_init(void)
{
    arch_crash_init();
    key_register_action('C', crash_key, "panic, into the crash kernel");
}
