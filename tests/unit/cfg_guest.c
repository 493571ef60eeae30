/* SPDX-License-Identifier: MIT */
/*
 * What a configuration means: keys, defaults, device specifications, and that
 * a guest restarted from its kept JSON is the same guest. A wrong key that
 * went unnoticed gives a guest its owner did not ask for: each is an error
 * with its line and a suggestion.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libs/domain/cfg.h"
#include "libs/domain/guest_config.h"

static unsigned int nr_warnings;
static char last_warning[512];

static void count_warning(void *arg, const char *line)
{
    (void)arg;
    nr_warnings++;
    snprintf(last_warning, sizeof(last_warning), "%s", line);
}

static int read_text(struct guest_config *g, const char *text,
                     struct errmsg *err)
{
    struct cfg cfg = {0};
    int rc;

    nr_warnings = 0;
    memset(err, 0, sizeof(*err));
    guest_config_init(g);
    rc = cfg_parse(&cfg, "t.cfg", text, strlen(text), err);
    if (!rc)
        rc = guest_config_read(g, &cfg, count_warning, NULL, err);
    cfg_free(&cfg);
    return rc;
}

static void expect_error(const char *text, const char *part, const char *hint)
{
    struct guest_config g;
    struct errmsg err;

    assert_int_equal(read_text(&g, text, &err), -EINVAL);
    if (!strstr(err.text, part) || (hint && !strstr(err.hint, hint)))
        fail_msg("'%s' gives '%s' (%s)", text, err.text, err.hint);
    guest_config_free(&g);
}

#define BASE "name='g'\nkernel='/k'\n"

static void test_defaults(void **state)
{
    static const uint8_t none[16];
    struct guest_config g;
    struct errmsg err;

    (void)state;
    assert_int_equal(read_text(&g, BASE, &err), 0);
    assert_string_equal(g.name, "g");
    assert_string_equal(g.kernel, "/k");
    assert_string_equal(g.cmdline, "");
    assert_null(g.ramdisk);
    assert_int_equal(g.memory_mib, g.maxmem_mib);
    assert_int_equal(g.vcpus, 1);
    assert_int_equal(g.max_vcpus, 1);
    assert_int_equal(g.on[END_POWEROFF], ACTION_DESTROY);
    assert_int_equal(g.on[END_REBOOT], ACTION_RESTART);
    assert_memory_not_equal(g.uuid, none, 16);
    assert_int_equal(nr_warnings, 0);
    guest_config_free(&g);
}

static void test_keys(void **state)
{
    struct guest_config g;
    struct errmsg err;

    (void)state;
    assert_int_equal(
        read_text(&g,
                  BASE "type='pv'\nmemory=128\nmaxmem='256'\nvcpus=2\n"
                       "maxvcpus=4\nroot='/dev/xvda'\nextra='ro quiet'\n"
                       "uuid='11111111-2222-3333-4444-555555555555'\n"
                       "on_crash='preserve'\non_reboot='rename-restart'\n"
                       "cpus=['0-1', '3']\ncpu_weight=512\ncap=50\n"
                       "max_grant_frames=32\nmax_event_channels=512\n"
                       "nomigrate=1\ndisk=['/d,raw,xvda,w']\n"
                       "vif=['bridge=br0', 'mac=00:16:3e:00:00:01']\n",
                  &err),
        0);
    assert_int_equal(g.memory_mib, 128);
    assert_int_equal(g.maxmem_mib, 256);
    assert_int_equal(g.vcpus, 2);
    assert_int_equal(g.max_vcpus, 4);
    assert_string_equal(g.cmdline, "root=/dev/xvda ro quiet");
    assert_string_equal(g.cpus, "0-1,3");
    assert_int_equal(g.uuid[0], 0x11);
    assert_int_equal(g.on[END_CRASH], ACTION_PRESERVE);
    assert_int_equal(g.on[END_REBOOT], ACTION_RENAME_RESTART);
    assert_int_equal(g.nr_disks, 1);
    assert_int_equal(g.nr_vifs, 2);
    assert_int_equal(g.vifs[1].devid, 1);
    assert_int_equal(g.cap, 50);
    assert_true(g.nomigrate);
    guest_config_free(&g);
}

static void test_errors(void **state)
{
    (void)state;
    expect_error(BASE "memroy=3\n", "t.cfg:3: unknown key 'memroy'", "memory");
    expect_error(BASE "vpcus=3\n", "t.cfg:3", "vcpus");
    expect_error(BASE "on_poweof='destroy'\n", "t.cfg:3", "on_poweroff");
    expect_error(BASE "zzzzzz=3\n", "unknown key", NULL);
    expect_error(BASE "memory='x'\n", "t.cfg:3: memory", NULL);
    expect_error(BASE "memory=0\n", "range", NULL);
    expect_error(BASE "vcpus=1000\n", "range", NULL);
    expect_error(BASE "vcpus=4\nmaxvcpus=2\n", "maxvcpus", NULL);
    expect_error(BASE "memory=64\nmaxmem=32\n", "maxmem", NULL);
    expect_error(BASE "type='hvm'\n", "only PV", NULL);
    expect_error(BASE "uuid='12'\n", "UUID", NULL);
    expect_error(BASE "on_crash='coredump-destroy'\n", "core dumps", NULL);
    expect_error(BASE "on_crash='explode'\n", "actions", NULL);
    expect_error(BASE "bootloader='pygrub'\n", "kernel=", NULL);
    expect_error(BASE "pci=['00:1f.0']\n", "not supported", NULL);
    expect_error(BASE "cpus='a'\n", "cpus", NULL);
    expect_error(BASE "disk=3\n", "list", NULL);
    expect_error(BASE "disk=['/a,raw,xvda','/b,raw,xvda']\n", "xvda", NULL);
    expect_error(BASE "disk=[\n'/a,raw,xvda',\n'/b,raw,nope']\n", "t.cfg:5",
                 "xvda");
    expect_error(BASE "vif=['mac=00:16:3e:0:0:1']\n", "t.cfg:3", NULL);
    expect_error("kernel='/k'\n", "name=", NULL);
    expect_error("name='g'\n", "kernel=", NULL);
    expect_error("name='12'\nkernel='/k'\n", "taken for an id", NULL);
    expect_error("name='a/b'\nkernel='/k'\n", "'/'", NULL);
}

static void test_warnings(void **state)
{
    struct guest_config g;
    struct errmsg err;

    (void)state;
    assert_int_equal(read_text(&g, BASE "vnc=1\n", &err), 0);
    assert_int_equal(nr_warnings, 1);
    assert_non_null(strstr(last_warning, "t.cfg:3: vnc"));
    guest_config_free(&g);
    assert_int_equal(read_text(&g, BASE "cmdline='a'\nextra='b'\n", &err), 0);
    assert_int_equal(nr_warnings, 1);
    assert_string_equal(g.cmdline, "a");
    guest_config_free(&g);
}

static void test_long_cmdline(void **state)
{
    char text[1200], words[1100];

    (void)state;
    memset(words, 'x', sizeof(words));
    words[1024] = '\0';
    snprintf(text, sizeof(text), BASE "extra='%s'\n", words);
    expect_error(text, "1023", NULL);
}

/* --- disks ------------------------------------------------------------------
 */

static int disk_ok(const char *spec, struct disk_config *d)
{
    struct errmsg err = {.text = ""};
    int rc;

    memset(d, 0, sizeof(*d));
    rc = disk_spec_parse(spec, d, &err);
    if (rc)
        assert_non_null(strstr(err.text, "disk"));
    return rc;
}

static void test_disks(void **state)
{
    static const struct {
        const char *spec, *target, *vdev;
        uint32_t number;
        bool readonly, shared, cdrom;
    } good[] = {
        {"/a.img,raw,xvda,w", "/a.img", "xvda", 51712, false, false, false},
        {"/a.img, raw, xvdb1, ro", "/a.img", "xvdb1", 51729, true, false,
         false},
        {"/dev/vg/lv,,xvdp", "/dev/vg/lv", "xvdp", 51952, false, false, false},
        {"phy:/dev/vg/lv,hda,w", "/dev/vg/lv", "hda", 768, false, false, false},
        {"file:/a.img,sda1,w!", "/a.img", "sda1", 2049, false, true, false},
        {"vdev=xvda,format=raw,access=r,target=/a,b=c d", "/a,b=c d", "xvda",
         51712, true, false, false},
        {"/a.img,raw,xvdq,w", "/a.img", "xvdq", 1u << 28 | 16 << 8, false,
         false, false},
        {"/a.img,raw,d0p3,w", "/a.img", "d0p3", 51715, false, false, false},
        {"/a.iso,raw,xvdc,devtype=cdrom", "/a.iso", "xvdc", 51744, true, false,
         true},
        {"/a.iso,raw,hdc:cdrom,r", "/a.iso", "hdc", 5632, true, false, true},
        {"/with space.img,raw,xvda,w", "/with space.img", "xvda", 51712, false,
         false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct disk_config d;

        assert_int_equal(disk_ok(good[i].spec, &d), 0);
        assert_string_equal(d.target, good[i].target);
        assert_string_equal(d.vdev, good[i].vdev);
        assert_int_equal(d.number, good[i].number);
        assert_int_equal(d.readonly, good[i].readonly);
        assert_int_equal(d.shared, good[i].shared);
        assert_int_equal(d.cdrom, good[i].cdrom);
        free(d.target);
    }
}

static void test_bad_disks(void **state)
{
    static const char *const bad[] = {
        "",
        "/a.img",
        "/a.img,qcow2,xvda",
        "/a.img,raw,xvda,x",
        "/a.img,raw,foo",
        "/a.img,raw,xvd",
        "/a.img,raw,xvda0",
        "/a.img,raw,xvda256",
        "/a.img,raw,xvdaaaaaaaaaaaaaaaa",
        "/a.img,raw,xvda,w,more",
        "/a.img,raw,xvda,acces=w",
        "/a.img,raw,xvda,backend=driver",
        "/a.img,raw,xvda,script=block-iscsi",
        "/a.img,raw,xvda,discard=1",
        "target=",
        ",raw,xvda",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct disk_config d;

        if (disk_ok(bad[i], &d) != -EINVAL)
            fail_msg("'%s' is taken", bad[i]);
        free(d.target);
    }
}

/* --- interfaces -------------------------------------------------------------
 */

static int vif_ok(const char *spec, struct vif_config *v)
{
    struct errmsg err = {.text = ""};
    int rc;

    memset(v, 0, sizeof(*v));
    rc = vif_spec_parse(spec, v, &err);
    if (rc)
        assert_non_null(strstr(err.text, "vif"));
    return rc;
}

static void test_vifs(void **state)
{
    static const uint8_t mac[6] = {0, 0x16, 0x3e, 0xaa, 0xbb, 0xcc};
    struct vif_config v, w;

    (void)state;
    assert_int_equal(vif_ok("mac=00:16:3E:aa:bb:cc, bridge=xenbr0,"
                            "vifname=web0,ip=10.0.0.2,mtu=9000,"
                            "rate=10Mb/s@20ms,devid=3,trusted=0,type=vif,"
                            "script=/etc/xen/scripts/vif-bridge,model=e1000",
                            &v),
                     0);
    assert_memory_equal(v.mac, mac, 6);
    assert_string_equal(v.bridge, "xenbr0");
    assert_string_equal(v.vifname, "web0");
    assert_string_equal(v.ip, "10.0.0.2");
    assert_int_equal(v.mtu, 9000);
    assert_int_equal(v.rate_bytes, 25000);
    assert_int_equal(v.rate_usec, 20000);
    assert_int_equal(v.devid, 3);
    assert_true(v.untrusted);
    free(v.ip);
    assert_int_equal(vif_ok("", &v), 0);
    assert_int_equal(vif_ok("bridge=br1", &w), 0);
    assert_memory_equal(v.mac, mac, 3);
    assert_memory_not_equal(v.mac, w.mac, 6);
    assert_int_equal(vif_ok("rate=1MB/s", &v), 0);
    assert_int_equal(v.rate_bytes, 50000);
}

static void test_bad_vifs(void **state)
{
    static const char *const bad[] = {
        "bridge",
        "bridge=",
        "bridge=waytoolonganame0",
        "bridge=a/b",
        "mac=00:16:3e:aa:bb",
        "mac=00:16:3e:aa:bb:cc:dd",
        "mac=01:16:3e:aa:bb:cc",
        "birdge=xenbr0",
        "mtu=12",
        "mtu=70000",
        "rate=10",
        "rate=10Xb/s",
        "rate=10Mb/s@",
        "rate=10Mb/s@20",
        "devid=64",
        "devid=-1",
        "type=ioemu",
        "script=vif-route",
        "backend=net",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct vif_config v;

        if (vif_ok(bad[i], &v) != -EINVAL)
            fail_msg("'%s' is taken", bad[i]);
        free(v.ip);
    }
}

/* --- kept JSON
 * ---------------------------------------------------------------- */

static void test_json(void **state)
{
    struct guest_config g, h;
    struct errmsg err;
    char *text, *again;

    (void)state;
    assert_int_equal(read_text(&g,
                               BASE
                               "memory=128\nvcpus=2\nextra='a \"b\" \\\\ c'\n"
                               "ramdisk='/r'\ncpus='0-1'\non_crash='preserve'\n"
                               "disk=['/d,raw,xvdb,r','/e,raw,xvdc,w!']\n"
                               "vif=['bridge=br0,ip=10.0.0.1,rate=1Mb/s']\n",
                               &err),
                     0);
    assert_int_equal(guest_config_to_json(&g, &text), 0);
    guest_config_init(&h);
    assert_int_equal(guest_config_from_json(&h, text, &err), 0);
    assert_int_equal(guest_config_to_json(&h, &again), 0);
    assert_string_equal(text, again);
    assert_memory_equal(g.uuid, h.uuid, 16);
    assert_int_equal(h.disks[1].number, g.disks[1].number);
    assert_memory_equal(h.vifs[0].mac, g.vifs[0].mac, 6);
    free(again);
    guest_config_free(&h);
    /* Cut short, it is refused, not misread. */
    for (size_t len = strlen(text) - 1; len > 0; len -= len > 7 ? 7 : len) {
        text[len] = '\0';
        guest_config_init(&h);
        assert_int_equal(guest_config_from_json(&h, text, &err), -EINVAL);
        guest_config_free(&h);
    }
    free(text);
    guest_config_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),     cmocka_unit_test(test_keys),
        cmocka_unit_test(test_errors),       cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_long_cmdline), cmocka_unit_test(test_disks),
        cmocka_unit_test(test_bad_disks),    cmocka_unit_test(test_vifs),
        cmocka_unit_test(test_bad_vifs),     cmocka_unit_test(test_json),
    };

    return cmocka_run_group_tests_name("cfg_guest", tests, NULL, NULL);
}
