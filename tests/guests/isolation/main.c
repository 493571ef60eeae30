/* SPDX-License-Identifier: MIT */
/*
 * What page tables show of the hypervisor, and that they are the guest's own in
 * all else. Passes with isolation and without: with it the processor walks a
 * copy of the L4, so every way in which an L4 can change, or become another, is
 * tried here, on this vcpu and under another that runs on it. "isolated" on the
 * command line says which it is, where that can be seen.
 */
#include <kit/console.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/smp.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <kit/trap.h>
#include <kit/user.h>

#define HV_SLOT_FIRST 256U
#define HV_SLOT_LAST  271U

static uint64_t slot_va(unsigned int slot)
{
    return (uint64_t)slot << 39 | (slot < 256 ? 0 : 0xffff000000000000UL);
}

/* --- reading, writing, with the fault caught --- */

static uint64_t got;

static void read_at(void *va)
{
    got = *(volatile uint64_t *)va;
}

static void write_at(void *va)
{
    *(volatile uint64_t *)va = 1;
}

static bool can_read(uint64_t va)
{
    return !trap_catch(read_at, (void *)va);
}

static void expect_value(uint64_t va, uint64_t want)
{
    got = ~want;
    EXPECT(can_read(va));
    EXPECT_EQ(got, want);
}

static void expect_fault(uint64_t va)
{
    EXPECT(!can_read(va));
    EXPECT_EQ(trap_last()->regs.vector, VEC_PF);
    EXPECT_EQ(trap_last()->cr2, va);
}

/* --- the hypervisor's addresses --- */

/* Where docs and linker script put things, and the corners of every slot. */
static const uint64_t places[] = {
    0xffff808000000000, /* descriptor windows */
    0xffff80800000e000, /* of them the hypervisor's own descriptors */
    0xffff810000000000, /* entry stub */
    0xffff81000000e000, /* main stack */
    0xffff81000000f000, /* entry page */
    0xffff81000000f0b0, 0xffff81000000f800, 0xffff810000010000,
    0xffff81000001f000, /* the next CPU's */
    0xffff818000000000, /* M2P, writable */
    0xffff820000000000, /* frame table */
    0xffff82a000100000, 0xffff82a000200000, 0xffff82a000202000,
    0xffff82a000203000, 0xffff82a000280000, 0xffff82a0002a0000,
    0xffff82c000000000, /* vmap */
    0xffff830000000000, 0xffff830000100000, 0xffff830000200000,
    0xffff878000000000,
};

static void kernel_reads_nothing(void)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(places); i++)
        expect_fault(places[i]);
    for (unsigned int s = HV_SLOT_FIRST + 1; s <= HV_SLOT_LAST; s++) {
        expect_fault(slot_va(s));
        expect_fault(slot_va(s) + (1UL << 39) - 8);
    }
}

static void kernel_writes_nothing(void)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(places); i++)
        EXPECT(trap_catch(write_at, (void *)places[i]));
    EXPECT(trap_catch(write_at, (void *)M2P_BASE));
}

static void m2p_is_there(void)
{
    uint64_t mfn = virt_to_mfn(&got);

    EXPECT_EQ(mfn_to_pfn(mfn), virt_to_pfn(&got));
}

/* mov (%rdi), %rax; syscall */
static const uint8_t user_read[] = {0x48, 0x8b, 0x07, 0x0f, 0x05};

/* The vector that ends it: VEC_SYSCALL if the read went well. */
static unsigned int user_reads(uint64_t va, uint64_t *value)
{
    struct regs r = user_regs(user_load(0, user_read, sizeof(user_read)));
    unsigned int vector;

    r.rdi = va;
    vector = user_run(&r);
    *value = r.rax;
    return vector;
}

static void programs_read_nothing(void)
{
    uint64_t value;

    for (unsigned int i = 0; i < ARRAY_SIZE(places); i++) {
        EXPECT_EQ(user_reads(places[i], &value), VEC_PF);
        EXPECT_EQ(user_last_cr2(), places[i]);
    }
}

/* --- trees to hang into L4 tables --- */

struct tree {
    uint64_t *l3, *l2, *l1, *page;
};

static struct tree tree_new(uint64_t value)
{
    struct tree t = {page_alloc(), page_alloc(), page_alloc(), page_alloc()};

    *t.page = value;
    t.l1[0] = pte_make(virt_to_mfn(t.page), USER_RW);
    t.l2[0] = pte_make(virt_to_mfn(t.l1), TABLE_FLAGS);
    t.l3[0] = pte_make(virt_to_mfn(t.l2), TABLE_FLAGS);
    EXPECT_EQ(page_set_ro(t.l1), 0);
    EXPECT_EQ(page_set_ro(t.l2), 0);
    EXPECT_EQ(page_set_ro(t.l3), 0);
    return t;
}

static void tree_free(struct tree *t)
{
    EXPECT_EQ(page_set_rw(t->l1), 0);
    EXPECT_EQ(page_set_rw(t->l2), 0);
    EXPECT_EQ(page_set_rw(t->l3), 0);
    page_free(t->l1);
    page_free(t->l2);
    page_free(t->l3);
    page_free(t->page);
}

static uint64_t tree_entry(const struct tree *t)
{
    return pte_make(virt_to_mfn(t->l3), TABLE_FLAGS);
}

static uint64_t *kernel_l4(void)
{
    return (uint64_t *)start_info->pt_base;
}

static long set_slot(uint64_t l4_mfn, unsigned int slot, uint64_t entry)
{
    return pte_set((l4_mfn << PAGE_SHIFT) + slot * 8, entry);
}

static long set_kernel_slot(unsigned int slot, uint64_t entry)
{
    return set_slot(virt_to_mfn(kernel_l4()), slot, entry);
}

/* Every second slot that is free, so that parts of the table fill and empty. */
static void entries_come_and_go(void)
{
    struct tree a = tree_new(0xaaaa), b = tree_new(0xbbbb);

    for (unsigned int s = 2; s < 512; s += 5) {
        if ((s >= HV_SLOT_FIRST && s <= HV_SLOT_LAST) ||
            (kernel_l4()[s] & PTE_P))
            continue;
        expect_fault(slot_va(s));
        EXPECT_EQ(set_kernel_slot(s, tree_entry(&a)), 0);
        expect_value(slot_va(s), 0xaaaa);
        EXPECT_EQ(set_kernel_slot(s, tree_entry(&b)), 0);
        expect_value(slot_va(s), 0xbbbb);
        EXPECT_EQ(set_kernel_slot(s, 0), 0);
        expect_fault(slot_va(s));
    }
    tree_free(&a);
    tree_free(&b);
}

static void hypervisor_slots_are_refused(void)
{
    struct tree a = tree_new(0xaaaa);

    for (unsigned int s = HV_SLOT_FIRST; s <= HV_SLOT_LAST; s++) {
        EXPECT_EQ(set_kernel_slot(s, tree_entry(&a)), -XEN_EINVAL);
        EXPECT_EQ(set_kernel_slot(s, 0), -XEN_EINVAL);
    }
    tree_free(&a);
}

static void entries_of_the_user_root(void)
{
    struct tree a = tree_new(0xaaaa);
    const unsigned int slot = 77;
    uint64_t value;

    EXPECT_EQ(user_reads(slot_va(slot), &value), VEC_PF);
    EXPECT_EQ(set_slot(user_root_mfn(), slot, tree_entry(&a)), 0);
    EXPECT_EQ(user_reads(slot_va(slot), &value), VEC_SYSCALL);
    EXPECT_EQ(value, 0xaaaa);
    expect_fault(slot_va(slot)); /* the kernel's root has it not */
    EXPECT_EQ(set_slot(user_root_mfn(), slot, 0), 0);
    EXPECT_EQ(user_reads(slot_va(slot), &value), VEC_PF);
    tree_free(&a);
}

/* --- other roots --- */

static uint64_t *l4_new(void)
{
    uint64_t *l4 = page_alloc();

    for (unsigned int s = 0; s < 512; s++)
        if (s < HV_SLOT_FIRST || s > HV_SLOT_LAST)
            l4[s] = kernel_l4()[s];
    EXPECT_EQ(page_set_ro(l4), 0);
    EXPECT_EQ(pin_table(4, virt_to_mfn(l4)), 0);
    return l4;
}

static void l4_free(uint64_t *l4)
{
    EXPECT_EQ(unpin_table(virt_to_mfn(l4)), 0);
    EXPECT_EQ(page_set_rw(l4), 0);
    page_free(l4);
}

static void load_root(const uint64_t *l4)
{
    EXPECT_EQ(mmuext_mfn(MMUEXT_NEW_BASEPTR, virt_to_mfn(l4)), 0);
}

/* What only one of two roots has, in different parts of the table. */
static void roots_do_not_mix(void)
{
    struct tree a = tree_new(0xaaaa), b = tree_new(0xbbbb);
    uint64_t *other = l4_new();
    const uint64_t mfn = virt_to_mfn(other);

    EXPECT_EQ(set_kernel_slot(20, tree_entry(&a)), 0);
    EXPECT_EQ(set_slot(mfn, 40, tree_entry(&b)), 0);
    for (unsigned int i = 0; i < 20; i++) {
        load_root(other);
        expect_fault(slot_va(20));
        expect_value(slot_va(40), 0xbbbb);
        load_root(kernel_l4());
        expect_value(slot_va(20), 0xaaaa);
        expect_fault(slot_va(40));
    }
    /* Changed while it is not loaded. */
    EXPECT_EQ(set_slot(mfn, 40, 0), 0);
    EXPECT_EQ(set_slot(mfn, 300, tree_entry(&b)), 0);
    load_root(other);
    expect_fault(slot_va(40));
    expect_value(slot_va(300), 0xbbbb);
    EXPECT_EQ(set_slot(mfn, 300, 0), 0);
    load_root(kernel_l4());
    EXPECT_EQ(set_kernel_slot(20, 0), 0);
    expect_fault(slot_va(20));
    l4_free(other);
    tree_free(&a);
    tree_free(&b);
}

/* More than the hypervisor keeps copies of: each is right, whether it was used
 * just now or long ago, and changed meanwhile. */
static void many_roots(void)
{
    struct tree a = tree_new(0xaaaa), b = tree_new(0xbbbb);
    uint64_t *roots[7];

    for (unsigned int i = 0; i < ARRAY_SIZE(roots); i++) {
        roots[i] = l4_new();
        EXPECT_EQ(set_slot(virt_to_mfn(roots[i]), 60 + i, tree_entry(&a)), 0);
    }
    for (unsigned int step = 0; step < 200; step++) {
        unsigned int i = step * step / 3 % ARRAY_SIZE(roots);
        unsigned int other = step % ARRAY_SIZE(roots);
        bool is_b = step & 8;

        EXPECT_EQ(set_slot(virt_to_mfn(roots[other]), 100,
                           tree_entry(is_b ? &b : &a)),
                  0);
        load_root(roots[i]);
        for (unsigned int k = 0; k < ARRAY_SIZE(roots); k++) {
            if (k == i)
                expect_value(slot_va(60 + k), 0xaaaa);
            else
                expect_fault(slot_va(60 + k));
        }
        load_root(roots[other]);
        expect_value(slot_va(100), is_b ? 0xbbbb : 0xaaaa);
    }
    load_root(kernel_l4());
    for (unsigned int i = 0; i < ARRAY_SIZE(roots); i++)
        l4_free(roots[i]);
    tree_free(&a);
    tree_free(&b);
}

/* The same frame, another table: nothing of the first may come back. */
static void a_root_made_anew(void)
{
    struct tree a = tree_new(0xaaaa);

    for (unsigned int i = 0; i < 5; i++) {
        uint64_t *l4 = l4_new();

        EXPECT_EQ(set_slot(virt_to_mfn(l4), 30 + i, tree_entry(&a)), 0);
        load_root(l4);
        for (unsigned int k = 0; k < i; k++)
            expect_fault(slot_va(30 + k));
        expect_value(slot_va(30 + i), 0xaaaa);
        load_root(kernel_l4());
        l4_free(l4);
    }
    tree_free(&a);
}

/* --- the machine-to-physical table, which programs are not to see --- */

static bool isolated;

static void load_user_root(uint64_t mfn)
{
    EXPECT_EQ(mmuext_mfn(MMUEXT_NEW_USER_BASEPTR, mfn), 0);
}

static void hide_m2p(bool hide)
{
    EXPECT_EQ(hc_vm_assist(hide ? VMASST_CMD_enable : VMASST_CMD_disable,
                           VMASST_TYPE_m2p_strict),
              0);
}

static void expect_programs_read_m2p(bool yes)
{
    uint64_t value, at = M2P_BASE + 8 * virt_to_mfn(&got);

    EXPECT_EQ(user_reads(at, &value), yes ? VEC_SYSCALL : VEC_PF);
    if (yes)
        EXPECT_EQ(value, virt_to_pfn(&got));
    else
        EXPECT_EQ(user_last_cr2(), at);
    m2p_is_there();
}

/* A root that no kernel ever had does not show it in the first place; on roots
 * of their own, programs never see it. */
static void m2p_without_the_assist(void)
{
    uint64_t *other = l4_new();

    expect_programs_read_m2p(false);
    load_user_root(virt_to_mfn(other));
    expect_programs_read_m2p(false);
    load_root(other);
    load_root(kernel_l4());
    expect_programs_read_m2p(!isolated);
    load_user_root(user_root_mfn());
    expect_programs_read_m2p(false);
    l4_free(other);
}

/* A kernel always has it, on a root that was a program's too. */
static void m2p_with_the_assist(void)
{
    uint64_t *other = l4_new();

    load_root(other);
    load_root(kernel_l4());
    load_user_root(virt_to_mfn(other));
    hide_m2p(true);
    expect_programs_read_m2p(!isolated); /* this root was taken before */
    load_user_root(virt_to_mfn(other));
    expect_programs_read_m2p(false);
    load_user_root(user_root_mfn());
    for (unsigned int i = 0; i < 5; i++) {
        load_root(other);
        m2p_is_there();
        expect_programs_read_m2p(false);
        load_root(kernel_l4());
        load_user_root(virt_to_mfn(other));
        expect_programs_read_m2p(false);
        load_user_root(user_root_mfn());
        expect_programs_read_m2p(false);
    }
    hide_m2p(false);
    l4_free(other);
}

/* The hypervisor's own word for none is no frame's number. */
static void no_user_root(void)
{
    hide_m2p(true);
    load_user_root(0);
    EXPECT_EQ(mmuext_mfn(MMUEXT_NEW_USER_BASEPTR, ~0UL), -XEN_EINVAL);
    load_user_root(0);
    load_user_root(user_root_mfn());
    expect_programs_read_m2p(false);
    hide_m2p(false);
}

/* --- two vcpus on one L4 --- */

#define SHARED_SLOT 55U
#define NOTHING     0UL

static struct {
    volatile uint64_t asked, answered; /* rounds */
    volatile uint64_t value;           /* NOTHING: the read faulted */
    volatile bool gone;
    /* What it is to do next, NULL: leave; and where. */
    void (*volatile job)(void);
    volatile uint64_t root;
} peer;

/* NOTHING if it faults. */
static uint64_t read_or_nothing(uint64_t va)
{
    uint64_t value;

    __asm__ volatile("xor %0, %0\n"
                     "1: mov (%1), %0\n"
                     "2:\n" EXTABLE("1b", "2b")
                     : "=&r"(value)
                     : "r"(va)
                     : "memory");
    return value;
}

static void read_shared(void)
{
    peer.value = read_or_nothing(slot_va(SHARED_SLOT));
}

/* Both slots, under a root that is only visited. */
static void visit_root(void)
{
    (void)mmuext_mfn(MMUEXT_NEW_BASEPTR, peer.root);
    peer.value = read_or_nothing(slot_va(SHARED_SLOT)) |
                 read_or_nothing(slot_va(SHARED_SLOT + 1)) << 16;
    (void)mmuext_mfn(MMUEXT_NEW_BASEPTR, virt_to_mfn(kernel_l4()));
}

static void read_m2p(void)
{
    uint64_t at = M2P_BASE + 8 * virt_to_mfn(&got);

    peer.value = read_or_nothing(at) == virt_to_pfn(&got);
}

static void take_root(void)
{
    (void)mmuext_mfn(MMUEXT_NEW_BASEPTR, peer.root);
    read_m2p();
}

/* Does its job when asked, and otherwise never leaves guest mode. */
static void peer_main(void *unused)
{
    void (*job)(void);

    (void)unused;
    for (uint64_t round = 1;; round++) {
        while (peer.asked != round)
            ;
        job = peer.job;
        if (job)
            job();
        peer.answered = round;
        if (!job)
            break;
    }
    peer.gone = true;
    smp_down_self();
}

static uint64_t ask_peer(void)
{
    uint64_t end = time_now() + 20 * NS_PER_S;

    peer.asked++;
    while (peer.answered != peer.asked && time_now() < end)
        ;
    EXPECT_EQ(peer.answered, peer.asked);
    return peer.value;
}

static void changes_reach_the_other_vcpu(void)
{
    struct tree a = tree_new(0xaaaa), b = tree_new(0xbbbb);

    EXPECT_EQ(smp_start(1, peer_main, NULL), 0);
    peer.job = read_shared;
    for (unsigned int i = 0; i < 30 && !test_failed(); i++) {
        EXPECT_EQ(ask_peer(), NOTHING);
        /* Into a hole: nothing to flush. */
        EXPECT_EQ(set_kernel_slot(SHARED_SLOT, tree_entry(&a)), 0);
        EXPECT_EQ(ask_peer(), 0xaaaa);
        EXPECT_EQ(set_kernel_slot(SHARED_SLOT, tree_entry(&b)), 0);
        EXPECT_EQ(ask_peer(), 0xbbbb);
        EXPECT_EQ(set_kernel_slot(SHARED_SLOT, 0), 0);
    }
    EXPECT_EQ(ask_peer(), NOTHING);
    tree_free(&a);
    tree_free(&b);
}

/* A frame that another vcpu had as its root is made anew: so is its copy. */
static void a_root_made_anew_elsewhere(void)
{
    struct tree a = tree_new(0xaaaa);

    peer.job = visit_root;
    for (unsigned int i = 0; i < 40 && !test_failed(); i++) {
        uint64_t *l4 = l4_new();

        peer.root = virt_to_mfn(l4);
        EXPECT_EQ(set_slot(peer.root, SHARED_SLOT + (i & 1), tree_entry(&a)),
                  0);
        EXPECT_EQ(ask_peer(), i & 1 ? 0xaaaa0000 : 0xaaaa);
        /* What it kept follows. */
        EXPECT_EQ(set_slot(peer.root, SHARED_SLOT + (i & 1), 0), 0);
        EXPECT_EQ(ask_peer(), NOTHING);
        l4_free(l4);
    }
    tree_free(&a);
}

/* One L4 in both roles: the later one counts, at once, also where it is loaded.
 * Copies have but one role. */
static void m2p_of_a_root_in_both_roles(void)
{
    uint64_t *l4 = l4_new();

    hide_m2p(true);
    peer.root = virt_to_mfn(l4);
    for (unsigned int i = 0; i < 20 && !test_failed(); i++) {
        peer.job = take_root;
        EXPECT_EQ(ask_peer(), 1);
        load_user_root(peer.root);
        expect_programs_read_m2p(false);
        peer.job = read_m2p;
        EXPECT_EQ(ask_peer(), isolated);
        load_user_root(user_root_mfn());
    }
    peer.root = virt_to_mfn(kernel_l4());
    peer.job = take_root;
    EXPECT_EQ(ask_peer(), 1);
    hide_m2p(false);
    l4_free(l4);
}

static void the_other_vcpu_leaves(void)
{
    peer.job = NULL;
    (void)ask_peer();
    for (uint64_t end = time_now() + 20 * NS_PER_S;
         !peer.gone && time_now() < end;)
        ;
    EXPECT(peer.gone);
}

static const struct test tests[] = {
    {"kernel reads nothing of the hypervisor", kernel_reads_nothing},
    {"kernel writes nothing of the hypervisor", kernel_writes_nothing},
    {"machine-to-physical table is readable", m2p_is_there},
    {"programs read nothing of the hypervisor", programs_read_nothing},
    {"L4 entries come and go", entries_come_and_go},
    {"hypervisor's L4 entries are refused", hypervisor_slots_are_refused},
    {"L4 entries of the user root", entries_of_the_user_root},
    {"two roots do not mix", roots_do_not_mix},
    {"more roots than copies", many_roots},
    {"a root made anew in the same frame", a_root_made_anew},
    {"M2P and programs without the assist", m2p_without_the_assist},
    {"M2P and programs with the assist", m2p_with_the_assist},
    {"no user root", no_user_root},
    {"L4 changes reach the other vcpu", changes_reach_the_other_vcpu},
    {"a root made anew that another vcpu had", a_root_made_anew_elsewhere},
    {"M2P of a root in both roles", m2p_of_a_root_in_both_roles},
    {"the other vcpu leaves", the_other_vcpu_leaves},
};

void kit_main(void)
{
    char value[8];

    isolated = option("isolated", value, sizeof(value));
    user_init();
    tests_run(tests, ARRAY_SIZE(tests));
}
