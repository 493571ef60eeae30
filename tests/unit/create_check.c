/* SPDX-License-Identifier: MIT */
/*
 * What is checked before a guest is made, and before one is restarted: the
 * latter is asked while the guest is there, so its own name and interfaces
 * must not count against it, but a kernel, disk or bridge that went must.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "libs/domain/private.h"
#include "libs/image/pv_build.h"

static struct {
    bool name_taken, vifname_taken, disk_gone, bridge_gone;
    bool image_open;
} world;

static struct dom dom;
static struct guest_config g;
static char kernel[] = "/tmp/create-check-XXXXXX";

int pv_image_open(struct pv_image *image, struct bytes file,
                  struct bytes ramdisk, uint64_t nr_pages, struct errmsg *err)
{
    (void)image;
    (void)file;
    (void)ramdisk;
    (void)nr_pages;
    (void)err;
    world.image_open = true;
    return 0;
}

void pv_image_close(struct pv_image *image)
{
    (void)image;
    world.image_open = false;
}

int dom_find(struct dom *d, const char *name, uint32_t *domid)
{
    if (!world.name_taken)
        return err_set(&d->err, -ESRCH, "no '%s'", name);
    *domid = 5;
    return 0;
}

int disk_check(const struct disk_config *disk, struct errmsg *err)
{
    (void)disk;
    return world.disk_gone ? err_set(err, -ENOENT, "no disk") : 0;
}

int vif_check(const struct vif_config *vif, struct errmsg *err)
{
    (void)vif;
    return world.bridge_gone ? err_set(err, -ENODEV, "no bridge") : 0;
}

int vif_check_name(const struct vif_config *vif, struct errmsg *err)
{
    (void)vif;
    return world.vifname_taken ? err_set(err, -EEXIST, "vif is there") : 0;
}

/* What the steps behind the checks call: whoever gets here dies. */
#define NOT_REACHED(name) __asm__(".globl " #name "\n" #name ": ud2")
NOT_REACHED(device_list);
NOT_REACHED(device_remove);
NOT_REACHED(disk_attach);
NOT_REACHED(dom_log);
NOT_REACHED(nodes_remove);
NOT_REACHED(nodes_write);
NOT_REACHED(pv_build);
NOT_REACHED(state_remove);
NOT_REACHED(state_save);
NOT_REACHED(sys_domain_create);
NOT_REACHED(sys_domain_destroy);
NOT_REACHED(sys_domain_max_mem);
NOT_REACHED(sys_domain_max_vcpus);
NOT_REACHED(sys_domain_sched_op);
NOT_REACHED(sys_domain_set_address_size);
NOT_REACHED(sys_evtchn_alloc_unbound);
NOT_REACHED(sys_sched_id);
NOT_REACHED(sys_vcpu_set_affinity);
NOT_REACHED(vif_attach);
NOT_REACHED(xs_introduce);
NOT_REACHED(xs_release);

static int fresh(void **state)
{
    (void)state;
    memset(&world, 0, sizeof(world));
    return 0;
}

static int clean(void **state)
{
    (void)state;
    assert_false(world.image_open);
    return 0;
}

static void assert_checks(int first, int again)
{
    assert_int_equal(dom_create_check(&dom, &g), first);
    assert_int_equal(create_again_check(&dom, &g), again);
}

static void all_is_there(void **state)
{
    (void)state;
    assert_checks(0, 0);
}

static void its_own_names(void **state)
{
    (void)state;
    world.name_taken = true;
    assert_checks(-EEXIST, 0);
    world.name_taken = false;
    world.vifname_taken = true;
    assert_checks(-EEXIST, 0);
}

static void something_went(void **state)
{
    (void)state;
    world.disk_gone = true;
    assert_checks(-ENOENT, -ENOENT);
    world.disk_gone = false;
    world.bridge_gone = true;
    assert_checks(-ENODEV, -ENODEV);
    world.bridge_gone = false;
    assert_int_equal(unlink(kernel), 0);
    assert_checks(-ENOENT, -ENOENT);
    assert_non_null(strstr(dom.err.text, kernel));
}

static int make_guest(void **state)
{
    int fd = mkstemp(kernel);

    (void)state;
    guest_config_init(&g);
    snprintf(g.name, sizeof(g.name), "g1");
    g.kernel = strdup(kernel);
    if (fd < 0 || write(fd, "x", 1) != 1 || close(fd) || !g.kernel)
        return -1;
    return guest_add_disk(&g) && guest_add_vif(&g) ? 0 : -1;
}

static int drop_guest(void **state)
{
    (void)state;
    guest_config_free(&g);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_is_there),
        TEST(its_own_names),
        TEST(something_went),
    };

    return cmocka_run_group_tests_name("create_check", tests, make_guest,
                                       drop_guest);
}
