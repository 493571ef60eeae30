/* SPDX-License-Identifier: MIT */
/*
 * Pauses of a domain's vcpus: each taken is given back once, whoever pauses,
 * shuts down and resumes in which order. One too few leaves a guest stopped
 * for ever; one too many lets it run while its tools look at it.
 */
#include <stdlib.h>
#include <string.h>

#include <hostarch.h>
#include <hv/domain.h>
#include <hv/kexec.h>
#include <hv/softirq.h>

#define NR_VCPUS 3

static struct domain d;
static struct vcpu vcpus[NR_VCPUS];
static struct vcpu *vcpu_ptrs[NR_VCPUS];
static unsigned int told_dom0;
static bool vcpu_appears; /* another comes into being while we wait */

/* ---- the rest of the hypervisor ---- */

void vcpu_pause_nosync(struct vcpu *v)
{
    v->pause_count++;
}

void vcpu_unpause(struct vcpu *v)
{
    assert_true(v->pause_count > 0);
    v->pause_count--;
}

void sched_sleep_sync(struct vcpu *v)
{
    (void)v;
    if (vcpu_appears)
        vcpu_ptrs[NR_VCPUS - 1] = &vcpus[NR_VCPUS - 1];
}

static uint32_t port_sent;

int evtchn_send(struct domain *ld, uint32_t port)
{
    (void)ld;
    port_sent = port;
    return 0;
}

void evtchn_send_global_virq(unsigned int virq)
{
    assert_int_equal(virq, VIRQ_DOM_EXC);
}

void tasklet_schedule(struct tasklet *t)
{
    (void)t;
    told_dom0++;
}

void machine_poweroff(void)
{
    abort();
}

void machine_restart(unsigned int delay_ms)
{
    (void)delay_ms;
    abort();
}

void kexec_dom0_crashed(void)
{
    abort();
}

void arch_wallclock_update(struct domain *dom)
{
    (void)dom;
}

struct domain *domain_get_first_from(domid_t id)
{
    (void)id;
    return NULL;
}

void domain_put(struct domain *dom)
{
    (void)dom;
}

/* ---- set-up ---- */

static int setup(void **state)
{
    static struct domain other;
    static struct vcpu me = {.domain = &other};

    (void)state;
    host_cpus_init(1);
    host_set_current(&me);
    memset(&d, 0, sizeof(d));
    memset(vcpus, 0, sizeof(vcpus));
    spin_init(&d.ctl_lock, LOCK_RANK_DOMCTL);
    spin_init(&d.shutdown_lock, LOCK_RANK_SHUTDOWN);
    d.max_vcpus = NR_VCPUS;
    d.vcpu = vcpu_ptrs;
    for (unsigned int i = 0; i < NR_VCPUS; i++) {
        vcpus[i].domain = &d;
        vcpus[i].id = i;
        vcpu_ptrs[i] = i < NR_VCPUS - 1 ? &vcpus[i] : NULL;
    }
    told_dom0 = 0;
    vcpu_appears = false;
    return 0;
}

static void expect_pauses(int n)
{
    for (unsigned int i = 0; i < NR_VCPUS - 1; i++)
        assert_int_equal(vcpus[i].pause_count, n);
    assert_int_equal(host_locks_held, 0);
    assert_false(host_irqs_off);
}

/* ---- tests ---- */

static void a_shutdown_is_undone_once(void **state)
{
    (void)state;
    domain_resume(&d); /* of a running domain: nothing */
    expect_pauses(0);
    assert_int_equal(domain_shutdown(&d, SHUTDOWN_suspend), 0);
    assert_int_equal(domain_shutdown(&d, SHUTDOWN_crash), 0);
    expect_pauses(1);
    assert_int_equal(told_dom0, 1);
    assert_int_equal(d.shutdown_code, SHUTDOWN_suspend);
    domain_resume(&d);
    domain_resume(&d);
    expect_pauses(0);
    assert_false(d.is_shut_down);
    assert_int_equal(domain_shutdown(&d, SHUTDOWN_reboot), 0);
    assert_int_equal(d.shutdown_code, SHUTDOWN_reboot);
    expect_pauses(1);
}

static void pauses_of_tools_are_counted_apart(void **state)
{
    (void)state;
    assert_int_equal(domain_unpause_by_controller(&d), -EINVAL);
    assert_int_equal(domain_pause_by_controller(&d), 0);
    assert_int_equal(domain_pause_by_controller(&d), 0);
    expect_pauses(1);
    assert_int_equal(domain_shutdown(&d, SHUTDOWN_suspend), 0);
    expect_pauses(2);
    assert_int_equal(domain_unpause_by_controller(&d), 0);
    domain_resume(&d);
    expect_pauses(1);
    assert_int_equal(domain_unpause_by_controller(&d), 0);
    assert_int_equal(domain_unpause_by_controller(&d), -EINVAL);
    expect_pauses(0);
    for (unsigned int n = 0; n < 255; n++)
        assert_int_equal(domain_pause_by_controller(&d), 0);
    assert_int_equal(domain_pause_by_controller(&d), -EUSERS);
    expect_pauses(1);
}

static void a_new_vcpu_is_not_unpaused_for_others(void **state)
{
    (void)state;
    assert_int_equal(domain_shutdown(&d, SHUTDOWN_suspend), 0);
    vcpu_appears = true;
    domain_resume(&d);
    expect_pauses(0);
    assert_int_equal(vcpus[NR_VCPUS - 1].pause_count, 0);
}

/* domctl subscribe: once, and only for a suspend. */
static void a_suspend_is_told_through_its_port(void **state)
{
    (void)state;
    port_sent = 0;
    assert_int_equal(domain_shutdown(&d, SHUTDOWN_suspend), 0);
    assert_int_equal(port_sent, 0);
    domain_resume(&d);
    d.suspend_port = 7;
    assert_int_equal(domain_shutdown(&d, SHUTDOWN_suspend), 0);
    assert_int_equal(port_sent, 7);
    port_sent = 0;
    assert_int_equal(domain_shutdown(&d, SHUTDOWN_suspend), 0);
    assert_int_equal(port_sent, 0);
    domain_resume(&d);
    assert_int_equal(domain_shutdown(&d, SHUTDOWN_reboot), 0);
    assert_int_equal(port_sent, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, setup)
    const struct CMUnitTest tests[] = {
        TEST(a_shutdown_is_undone_once),
        TEST(pauses_of_tools_are_counted_apart),
        TEST(a_new_vcpu_is_not_unpaused_for_others),
        TEST(a_suspend_is_told_through_its_port),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
