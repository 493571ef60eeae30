/* SPDX-License-Identifier: MIT */
/*
 * Page types against a model that knows nothing of states or counts: it keeps
 * what is held (pins, roots, grants' holds) and what the tables contain, and
 * derives from that, for every frame, which type it must have and how often.
 * An operation is legal if what is held afterwards demands one type per frame;
 * then it must succeed, else it must fail and change nothing. A wrong count
 * here is a guest that writes its own page tables.
 */
#include <stdlib.h>
#include <string.h>

#include <hostarch.h>
#include <hv/domain.h>
#include <hv/hypercall.h>

#include <asm/cpu.h>
#include <asm/patch.h>
#include <asm/pv/l1e.h>
#include <asm/pv/domain.h>
#include <asm/pv/iomem.h>
#include <asm/pv/mm.h>
#include <asm/pv/ptype.h>
#include <asm/spec_ctrl.h>

#define PER_DOMAIN 40
#define NR_FRAMES  (2 * PER_DOMAIN)
#define FIRST      16 /* frame number of frame 0 of the model */
#define NR_SLOTS   6
#define NR_HOLDS   24
#define ROUNDS     40000

/* Slots of a table that are used: the ends, around the reserved L4 slots. */
static const unsigned int slots[NR_SLOTS] = {0, 7, 8, 255, 272, 511};

static struct domain doms[2];
static struct vcpu vcpus[2];
struct domain *dom0 = &doms[0], *dom_io, *dom_hv;
static struct domain io_domain, hv_domain;
static pte_t reserved_l4[PT_ENTRIES];
pte_t *hv_l4 = reserved_l4;
struct cpu_caps cpu_caps = {.phys_bits = 40};
struct spec_choice spec_choice = {.l1tf_domu = true};
static unsigned int preempt_one_in; /* 0: never */

/* ---- the rest of the hypervisor ---- */

bool hypercall_preempt_check(void)
{
    return preempt_one_in && (unsigned int)rand() % preempt_one_in == 0;
}

void l4_install_hv_slots(pte_t *l4)
{
    for (unsigned int i = HV_SLOT_FIRST; i <= HV_SLOT_LAST; i++)
        l4[i] = 0xabc0 + i;
}

bool arch_iomem_permitted(const struct domain *d, mfn_t m)
{
    return d->is_privileged && mfn_x(m) != 0xfee00;
}

bool mfn_is_addressable(mfn_t m)
{
    return mfn_x(m) < 1UL << 24;
}

bool iomem_is_read_only(mfn_t m)
{
    return mfn_x(m) == 0xfed00;
}

bool iomem_is_memory(mfn_t m)
{
    return mfn_x(m) == 0xbffe0;
}

int pv_segdesc_validate(uint64_t *descs)
{
    return descs[1] == 0xbad ? -EINVAL : 0;
}

static unsigned int pages_freed;

void domain_page_free(struct page_info *pg)
{
    pg->owner = NULL;
    pages_freed++;
}

void hv_free_pages(void *va, unsigned int order)
{
    assert_int_equal(order, 0);
    assert_int_equal(virt_to_page(va)->state, PGS_HV);
    pages_freed++;
}

/* ---- the model ---- */

struct hold {
    int frame; /* -1: none */
    enum page_type type;
};
static struct hold holds[NR_HOLDS];
static enum page_type pin[NR_FRAMES]; /* PGT_NONE: not pinned */
/* Entries of others' frames were made by an update, not found in a table. */
static bool foreign_ok[NR_FRAMES][NR_SLOTS];

struct need {
    enum page_type type;
    unsigned int refs, trefs;
};
static struct need need[NR_FRAMES];
static bool legal;

static struct page_info *page(int f)
{
    return mfn_to_page(mfn((uint64_t)(FIRST + f)));
}

static pte_t *entry(int f, unsigned int s)
{
    return (pte_t *)page_to_virt(page(f)) + slots[s];
}

static int owner(int f)
{
    return f / PER_DOMAIN;
}

static void demand(int f, enum page_type type);

static void demand_entry(int f, enum page_type type, unsigned int s, pte_t e)
{
    int64_t n = (int64_t)mfn_x(pte_mfn(e)) - FIRST;

    if (!(e & PTE_P))
        return;
    if (n < 0 || n >= NR_FRAMES ||
        (owner((int)n) != owner(f) && (type != PGT_L1 || !foreign_ok[f][s]))) {
        legal = false;
        return;
    }
    if (type == PGT_L1)
        demand((int)n, e & PTE_RW ? PGT_WRITABLE : PGT_NONE);
    else
        demand((int)n, (enum page_type)(type - 1));
}

static void demand_contents(int f, enum page_type type)
{
    if (!type_is_table(type))
        return;
    for (unsigned int s = 0; s < NR_SLOTS; s++)
        demand_entry(f, type, s, *entry(f, s));
}

static void demand(int f, enum page_type type)
{
    struct need *n = &need[f];

    n->refs++;
    if (type == PGT_NONE)
        return;
    if (n->trefs && n->type != type) {
        legal = false;
        return;
    }
    n->type = type;
    if (n->trefs++ == 0)
        demand_contents(f, type);
}

/* What is held now demands; legal says whether it can be. */
static void derive(void)
{
    memset(need, 0, sizeof(need));
    legal = true;
    for (int f = 0; f < NR_FRAMES; f++)
        need[f].refs = 1; /* the allocation */
    for (int f = 0; f < NR_FRAMES; f++)
        if (pin[f] != PGT_NONE)
            demand(f, pin[f]);
    for (int i = 0; i < NR_HOLDS; i++)
        if (holds[i].frame >= 0)
            demand(holds[i].frame, holds[i].type);
}

static void compare(const char *after)
{
    derive();
    assert_true(legal);
    for (int f = 0; f < NR_FRAMES; f++) {
        uint64_t s = page(f)->state;

        if (pgs_refs(s) != need[f].refs || pgs_trefs(s) != need[f].trefs ||
            (need[f].trefs && pgs_type(s) != need[f].type) ||
            (!need[f].trefs && (s & (PGS_TYPE_MASK | PGS_VALIDATED))) ||
            (need[f].trefs && !(s & PGS_VALIDATED)) ||
            !(s & PGS_PINNED) != (pin[f] == PGT_NONE) ||
            (s & (PGS_LOCKED | PGS_PARTIAL)))
            fail_msg("after %s: frame %d state %lx, model type %d refs %u "
                     "trefs %u",
                     after, f, s, need[f].type, need[f].refs, need[f].trefs);
        if (!need[f].trefs || need[f].type != PGT_L1)
            memset(foreign_ok[f], 0, sizeof(foreign_ok[f]));
    }
}

/* ---- operations ---- */

static int any(int n)
{
    return (int)((unsigned int)rand() % (unsigned int)n);
}

/* Frames are mostly used at one level, so that trees come about. */
static enum page_type usual_type(int f)
{
    static const enum page_type by_frame[8] = {
        PGT_L1, PGT_L1, PGT_L1, PGT_L2, PGT_L2, PGT_L3, PGT_L4, PGT_WRITABLE,
    };

    return by_frame[f % 8];
}

static int frame_of_type(enum page_type type, int dom)
{
    int f;

    do
        f = dom * PER_DOMAIN + any(PER_DOMAIN);
    while (usual_type(f) != type);
    return f;
}

static pte_t some_entry(enum page_type level, int dom)
{
    pte_t flags = PTE_P | (any(2) ? PTE_RW : 0) | (any(2) ? PTE_US : 0);
    int f = dom * PER_DOMAIN + any(PER_DOMAIN);

    if (any(5) == 0)
        return 0;
    if (any(8) && level > PGT_L1)
        f = frame_of_type((enum page_type)(level - 1), dom);
    else if (any(3) && level == PGT_L1)
        f = frame_of_type(PGT_WRITABLE, dom);
    if (level == PGT_L1 && any(3) == 0)
        flags |= PTE_A | PTE_D;
    return pte_make(mfn((uint64_t)(FIRST + f)), flags);
}

static void finish_drops(void)
{
    while (pv_finish_drops() == -ERESTART)
        ;
}

/* As every caller does whose table was refused. */
static void finish_refused(int rc, int f)
{
    if (rc)
        pv_drop_refused(page(f));
    finish_drops();
}

/* The guest's own store to memory that is no table. */
static void op_store(void)
{
    int f = any(NR_FRAMES);

    if (need[f].trefs && need[f].type != PGT_WRITABLE)
        return;
    *entry(f, (unsigned int)any(NR_SLOTS)) = some_entry(
        usual_type(f) == PGT_WRITABLE ? PGT_L1 : usual_type(f), owner(f));
}

static void op_pin(void)
{
    int f = any(NR_FRAMES), rc;
    enum page_type type =
        any(6) ? usual_type(f) : (enum page_type)(PGT_L1 + any(4));
    bool was = pin[f] != PGT_NONE, ok;

    if (type == PGT_WRITABLE)
        return;
    do
        rc = page_pin(page(f), &doms[owner(f)], type);
    while (rc == -ERESTART);
    finish_refused(rc, f);
    if (!was) {
        pin[f] = type;
        derive();
        ok = legal;
        if (!ok)
            pin[f] = PGT_NONE;
    } else {
        ok = false;
    }
    if (!rc != ok)
        fail_msg("pin of %d as %d gave %d", f, type, rc);
    compare("pin");
}

static void op_unpin(void)
{
    int f = any(NR_FRAMES), rc = page_unpin(page(f));

    assert_int_equal(rc == -EINVAL, pin[f] == PGT_NONE);
    pin[f] = PGT_NONE;
    while (rc == -ERESTART)
        rc = page_type_resume_drop(page(f));
    compare("unpin");
}

static void op_hold(void)
{
    static const enum page_type types[] = {
        PGT_NONE, PGT_WRITABLE, PGT_WRITABLE, PGT_SEGDESC, PGT_L4, PGT_L4};
    int i = any(NR_HOLDS), f = any(NR_FRAMES), rc;
    enum page_type type = types[any(6)];

    if (holds[i].frame >= 0)
        return;
    if (type == PGT_L4 && any(4))
        f = frame_of_type(PGT_L4, any(2));
    do {
        if (type == PGT_NONE)
            rc = page_get(page(f), &doms[owner(f)]) ? 0 : -EINVAL;
        else
            rc = page_get_and_type(page(f), &doms[owner(f)], type);
    } while (rc == -ERESTART);
    finish_refused(rc, f);
    holds[i] = (struct hold){f, type};
    derive();
    if (!rc != legal)
        fail_msg("hold of %d as %d gave %d", f, type, rc);
    if (rc)
        holds[i].frame = -1;
    compare("hold");
}

static void op_release(void)
{
    int i = any(NR_HOLDS), f = holds[i].frame;

    if (f < 0)
        return;
    if (holds[i].type == PGT_NONE)
        page_put(page(f));
    else if (holds[i].type <= PGT_L1 || holds[i].type > PGT_L4)
        page_put_and_type(page(f));
    else
        pv_put_or_defer(page(f));
    holds[i].frame = -1;
    finish_drops();
    compare("release");
}

static int set_l1(int f, unsigned int s, pte_t new, int of)
{
    int rc;

    assert_int_equal(pt_lock(page(f)), PGT_L1);
    rc = pt_set_l1(entry(f, s), new, &doms[owner(f)], &doms[of],
                   (any(2) ? PTU_PRESERVE_AD : 0) |
                       (current->domain == &doms[of] && any(4) ? PTU_OWN : 0));
    pt_unlock(page(f));
    return rc;
}

/* Legal if what the entry held and what it is to hold can both be held. */
static bool update_is_legal(int f, unsigned int s, pte_t new, bool foreign)
{
    enum page_type type = need[f].type;
    bool was = foreign_ok[f][s];

    derive();
    foreign_ok[f][s] = foreign;
    demand_entry(f, type, s, new);
    foreign_ok[f][s] = was;
    return legal;
}

static int frame_owner(pte_t e)
{
    return owner((int)(mfn_x(pte_mfn(e)) - FIRST));
}

static bool same_frame_and_use(pte_t old, pte_t new)
{
    return !((old ^ new) & (PTE_P | PTE_RW | PTE_ADDR_MASK)) && (old & PTE_P);
}

static void op_update(void)
{
    int f = any(NR_FRAMES), of = owner(f), rc;
    unsigned int s = (unsigned int)any(NR_SLOTS);
    enum page_type type = need[f].type;
    bool foreign = false, ok;
    pte_t new, old = *entry(f, s);

    if (!need[f].trefs || !type_is_table(type))
        return;
    if (type == PGT_L1 && of == 0 && any(2))
        of = 1; /* the control domain maps the guest's frame */
    new = some_entry(type, of);
    if (any(5) == 0) /* only flags */
        new = old ^ (any(2) ? PTE_RW : PTE_US);
    if (new &PTE_P)
        foreign = frame_owner(new) != owner(f);
    if (type == PGT_L1 && same_frame_and_use(old, new)) {
        ok = true; /* whoever's it is, it is held already */
        foreign = foreign_ok[f][s];
    } else {
        ok = update_is_legal(f, s, new, foreign) &&
             (!(new &PTE_P) || frame_owner(new) == of);
    }
    do
        rc = type == PGT_L1 ? set_l1(f, s, new, of)
                            : pt_set_table(page(f), slots[s], new, type, 0);
    while (rc == -ERESTART);
    finish_drops();
    if (!rc != ok)
        fail_msg("update of %d[%u] (type %d) to %lx gave %d", f, slots[s], type,
                 new, rc);
    if (!rc)
        foreign_ok[f][s] = (new &PTE_P) && foreign;
    compare("update");
}

/* A preempted pin that the guest never repeats: the end of the domain. */
static void op_abandoned_pin(void)
{
    int f = frame_of_type(PGT_L4, any(2)), rc;

    if (pin[f] != PGT_NONE || !preempt_one_in)
        return;
    rc = page_pin(page(f), &doms[owner(f)], PGT_L4);
    if (rc != -ERESTART) {
        finish_refused(rc, f);
        if (!rc)
            pin[f] = PGT_L4;
    } else {
        assert_true(page(f)->state & PGS_PARTIAL);
        for (int i = 0; i < NR_FRAMES; i++)
            while (page_type_resume_drop(page(i)))
                ;
    }
    compare("abandoned pin");
}

static int setup(void **state)
{
    (void)state;
    srand(20240611);
    host_cpus_init(2);
    host_frames_init(FIRST + NR_FRAMES + 16);
    memset(doms, 0, sizeof(doms));
    memset(vcpus, 0, sizeof(vcpus));
    memset(pin, 0, sizeof(pin));
    memset(foreign_ok, 0, sizeof(foreign_ok));
    dom_io = &io_domain;
    dom_hv = &hv_domain;
    doms[0].is_privileged = true;
    doms[0].iomem.nr = 1; /* drives devices */
    for (int i = 0; i < 2; i++) {
        static struct vcpu *ptr[2];

        doms[i].id = (domid_t)i;
        ptr[i] = &vcpus[i];
        vcpus[i].domain = &doms[i];
        vcpus[i].arch.drop_pending[0] = INVALID_MFN;
        vcpus[i].arch.drop_pending[1] = INVALID_MFN;
        vcpus[i].arch.kernel_l4 = INVALID_MFN;
        doms[i].vcpu = &ptr[i];
        doms[i].max_vcpus = 1;
        cpumask_set(&vcpus[i].dirty_cpumask, (unsigned int)i);
    }
    host_set_current(&vcpus[0]);
    for (int f = 0; f < NR_FRAMES; f++) {
        page(f)->owner = &doms[owner(f)];
        page(f)->state = PGS_ALLOCATED | 1;
    }
    for (int i = 0; i < NR_HOLDS; i++)
        holds[i].frame = -1;
    preempt_one_in = 0;
    pages_freed = 0;
    host_patches = 0;
    derive();
    return 0;
}

static void run_random(unsigned int preempt)
{
    static void (*const ops[])(void) = {
        op_store, op_store,   op_store,   op_pin,           op_pin,
        op_unpin, op_update,  op_update,  op_update,        op_hold,
        op_hold,  op_release, op_release, op_abandoned_pin,
    };

    preempt_one_in = preempt;
    for (int i = 0; i < ROUNDS; i++)
        ops[any(ARRAY_SIZE(ops))]();
    /* The end: everything is let go, nothing is left typed. */
    for (int f = 0; f < NR_FRAMES; f++)
        while (arch_page_relinquish(&doms[owner(f)], page(f)))
            ;
    memset(pin, 0, sizeof(pin));
    compare("relinquish");
    for (int i = 0; i < NR_HOLDS; i++)
        while (holds[i].frame >= 0)
            op_release();
    compare("release of all");
    for (int f = 0; f < NR_FRAMES; f++)
        assert_int_equal(pgs_trefs(page(f)->state), 0);
    assert_int_equal(pages_freed, 0);
}

static void test_random(void **state)
{
    (void)state;
    run_random(0);
}

static void test_random_preempted(void **state)
{
    (void)state;
    run_random(3);
}

/* Whatever is preempted always gets on by at least one entry. */
static void test_always_preempted(void **state)
{
    (void)state;
    run_random(1);
}

/* ---- single rules ---- */

static void make_l1(int f, pte_t e)
{
    memset(page_to_virt(page(f)), 0, PAGE_SIZE);
    *entry(f, 1) = e;
    assert_int_equal(page_pin(page(f), &doms[owner(f)], PGT_L1), 0);
}

static int try_l1(pte_t e, int dom)
{
    int rc, f = dom * PER_DOMAIN;

    memset(page_to_virt(page(f)), 0, PAGE_SIZE);
    *entry(f, 1) = e;
    rc = page_pin(page(f), &doms[dom], PGT_L1);
    return rc;
}

static pte_t after_pin(int dom)
{
    pte_t e = *entry(dom * PER_DOMAIN, 1);

    assert_int_equal(page_unpin(page(dom * PER_DOMAIN)), 0);
    return e;
}

static void test_l1_flags(void **state)
{
    pte_t ram = pte_make(page_to_mfn(page(1)), PTE_P);

    (void)state;
    /* The kernel's own page: user-accessible, marked, not global. */
    assert_int_equal(try_l1(ram | PTE_G | PTE_A, 0), 0);
    assert_int_equal(after_pin(0), ram | PTE_A | PTE_US | PTE_GUEST_KERNEL);
    /* Unpinned, the guest finds what it wrote, without the global bit. */
    assert_int_equal(*entry(0, 1), ram | PTE_A);
    assert_int_equal(try_l1(ram | PTE_US | PTE_NX | PTE_AVL, 0), 0);
    assert_int_equal(after_pin(0), ram | PTE_US | PTE_NX | PTE_AVL);
    /* Cache attributes: for who drives devices only. */
    assert_int_equal(try_l1(ram | PTE_PCD, 0), 0);
    (void)after_pin(0);
    assert_int_equal(
        try_l1(pte_make(page_to_mfn(page(PER_DOMAIN + 1)), PTE_P | PTE_PWT), 1),
        -EINVAL);
}

static void test_mmio(void **state)
{
    pte_t dev = pte_make(mfn(0xd0000), PTE_P | PTE_RW | PTE_US);

    (void)state;
    assert_int_equal(try_l1(dev, 0), 0);
    assert_int_equal(after_pin(0), dev | PTE_PCD | PTE_PWT);
    assert_int_equal(try_l1(dev | PTE_PAT, 0), 0);
    assert_int_equal(after_pin(0), dev | PTE_PAT);
    assert_int_equal(try_l1(dev, 1), -EPERM);
    assert_int_equal(try_l1(pte_make(mfn(0xfee00), PTE_P), 0), -EPERM);
    assert_int_equal(try_l1(pte_make(mfn(1UL << 30), PTE_P), 0), -EINVAL);
    assert_int_equal(try_l1(PTE_ADDR_MASK | PTE_P, 0), -EINVAL);
    /* Read-only whatever was asked; firmware tables stay cached. */
    assert_int_equal(try_l1(pte_make(mfn(0xfed00), PTE_P | PTE_RW | PTE_US), 0),
                     0);
    assert_int_equal(after_pin(0) & (PTE_RW | PTE_PCD), PTE_PCD);
    assert_int_equal(try_l1(pte_make(mfn(0xbffe0), PTE_P | PTE_US), 0), 0);
    assert_int_equal(after_pin(0) & PTE_PCD, 0);
}

/* Entries that are not present: free, unless L1TF makes them readable. */
static void test_l1tf(void **state)
{
    pte_t ram = pte_make(page_to_mfn(page(0)), PTE_RW);
    pte_t top = pte_make(mfn(max_mfn - 1), 0),
          above = pte_make(mfn(max_mfn), 0);

    (void)state;
    assert_int_equal(try_l1(ram, 1), 0);
    (void)after_pin(1);
    host_patches = 1U << PATCH_L1TF;
    assert_int_equal(try_l1(ram, 1), -EPERM);
    assert_int_equal(try_l1(top, 1), -EPERM);
    assert_int_equal(try_l1(above, 1), 0);
    (void)after_pin(1);
    /* Bits that are compared decide, not those above. */
    assert_int_equal(try_l1(ram | 1UL << 40, 1), -EPERM);
    assert_int_equal(try_l1(ram | 1UL << 39, 1), 0);
    (void)after_pin(1);
    assert_int_equal(try_l1(ram ^ PTE_ADDR_MASK, 1), 0);
    (void)after_pin(1);
    /* A domain that is not looked at. */
    assert_int_equal(try_l1(ram, 0), 0);
    (void)after_pin(0);
}

static void test_table_flags(void **state)
{
    static const pte_t refused[] = {PTE_PSE, PTE_G, PTE_PCD, PTE_PWT};
    pte_t e = pte_make(page_to_mfn(page(1)), PTE_P | PTE_RW);

    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(refused); i++) {
        *entry(3, 0) = e | refused[i];
        assert_int_equal(page_pin(page(3), &doms[0], PGT_L2), -EINVAL);
    }
    *entry(3, 0) = e;
    assert_int_equal(page_pin(page(3), &doms[0], PGT_L2), 0);
    assert_int_equal(*entry(3, 0), e | PTE_US);
    assert_int_equal(pgs_type(page(1)->state), PGT_L1);
}

/* The reserved slots are the hypervisor's while it is an L4, and not seen
 * before or after. */
static void test_l4_slots(void **state)
{
    pte_t *l4 = page_to_virt(page(6));

    (void)state;
    l4[HV_SLOT_FIRST] = 0xdeadb001;
    assert_int_equal(page_pin(page(6), &doms[0], PGT_L4), 0);
    assert_int_equal(l4[HV_SLOT_FIRST], 0xabc0 + HV_SLOT_FIRST);
    assert_int_equal(l4[HV_SLOT_LAST], 0xabc0 + HV_SLOT_LAST);
    for (unsigned int i = HV_SLOT_FIRST; i <= HV_SLOT_LAST; i++)
        assert_int_equal(pt_set_table(page(6), i, 0, PGT_L4, 0), -EINVAL);
    assert_int_equal(page_unpin(page(6)), 0);
    assert_int_equal(l4[HV_SLOT_FIRST], 0);
    assert_int_equal(l4[HV_SLOT_LAST], 0);
}

/* Who could write a frame must be flushed before it is trusted as a table;
 * and an entry that linked a table, before that table is let go. */
static void test_flushes(void **state)
{
    pte_t rw = pte_make(page_to_mfn(page(2)), PTE_P | PTE_RW);
    unsigned int before;

    (void)state;
    make_l1(0, rw);
    assert_int_equal(page_unpin(page(0)), 0);
    before = host_tlb_flushes;
    assert_int_equal(page_pin(page(2), &doms[0], PGT_L1), 0);
    assert_true(host_tlb_flushes > before);

    *entry(3, 0) = pte_make(page_to_mfn(page(2)), PTE_P);
    assert_int_equal(page_pin(page(3), &doms[0], PGT_L2), 0);
    before = host_tlb_flushes;
    assert_int_equal(pt_set_table(page(3), slots[0], 0, PGT_L2, 0), 0);
    assert_true(host_tlb_flushes > before);
}

/* Written by another domain: that one's CPUs count, too. */
static void test_foreign_writer_is_known(void **state)
{
    struct page_info *pg = page(PER_DOMAIN);

    (void)state;
    assert_int_equal(page_get_and_type(pg, &doms[1], PGT_WRITABLE), 0);
    assert_true(pg->state & PGS_FOREIGN);
    page_put_and_type(pg);
    assert_true(pg->state & PGS_FOREIGN);
    assert_int_equal(page_pin(pg, &doms[1], PGT_L1), 0);
    assert_false(pg->state & PGS_FOREIGN);
}

/* Written by its owner, but through another domain's tables. */
static void test_foreign_table_is_known(void **state)
{
    struct page_info *pg = page(2);
    pte_t rw = pte_make(page_to_mfn(pg), PTE_P | PTE_RW | PTE_US), slot = 0;

    (void)state;
    assert_int_equal(pt_set_l1(&slot, rw, &doms[1], &doms[0], 0), 0);
    assert_true(pg->state & PGS_FOREIGN);
    assert_int_equal(pt_set_l1(&slot, 0, &doms[1], &doms[0], 0), 0);
    assert_true(pg->state & PGS_FOREIGN);
    assert_int_equal(page_pin(pg, &doms[0], PGT_L1), 0);
    assert_false(pg->state & PGS_FOREIGN);
}

/* Half-validated L2 tables, each with an entry, not looked at yet, that leads
 * to the next: dropping one is no reason to drop another. */
static void test_partial_chain(void **state)
{
    enum {
        L1 = 1,
        A = 3,
        B = 4
    };
    pte_t *a = page_to_virt(page(A)), *b = page_to_virt(page(B));

    (void)state;
    a[0] = b[0] = pte_make(page_to_mfn(page(L1)), PTE_P);
    a[1] = pte_make(page_to_mfn(page(B)), PTE_P);
    preempt_one_in = 1;
    assert_int_equal(page_pin(page(B), &doms[0], PGT_L2), -ERESTART);
    assert_int_equal(page_pin(page(A), &doms[0], PGT_L2), -ERESTART);
    assert_int_equal(page_pin(page(A), &doms[0], PGT_L2), -EINVAL);
    assert_int_equal(pgs_trefs(page(A)->state), 0);
    assert_true(page(B)->state & PGS_PARTIAL);
    assert_int_equal(page(B)->nr_done, 1);
    while (arch_page_relinquish(&doms[0], page(B)))
        ;
    compare("the chain");
}

/* Dropping what had been taken of a refused tree is preempted as well. */
static void test_refused_late(void **state)
{
    enum {
        L2 = 3
    };
    pte_t *l2 = page_to_virt(page(L2));
    int rc, times = 0;

    (void)state;
    for (int f = 0; f < 3; f++)
        l2[f] = pte_make(page_to_mfn(page(f)), PTE_P);
    l2[3] = pte_make(page_to_mfn(page(L2)), PTE_P);
    preempt_one_in = 1;
    do
        rc = page_pin(page(L2), &doms[0], PGT_L2);
    while (rc == -ERESTART);
    assert_int_equal(rc, -EINVAL);
    assert_true(page(L2)->state & PGS_PARTIAL);
    pv_drop_refused(page(L2));
    while (pv_finish_drops() == -ERESTART)
        times++;
    assert_true(times > 0);
    compare("the refusal");
}

static void test_shared_frames(void **state)
{
    struct page_info *pg = mfn_to_page(mfn(2)), *ro = mfn_to_page(mfn(3));

    (void)state;
    pg->state = ro->state = PGS_HV;
    page_share_with(pg, &doms[1], true);
    page_share_with(ro, &doms[1], false);
    assert_int_equal(page_get_and_type(pg, &doms[1], PGT_WRITABLE), 0);
    assert_int_equal(page_get_and_type(pg, &doms[1], PGT_L1), -EBUSY);
    assert_int_equal(page_get_and_type(pg, &doms[0], PGT_WRITABLE), -EINVAL);
    assert_int_equal(page_get_and_type(ro, &doms[1], PGT_WRITABLE), -EBUSY);
    assert_int_equal(page_get_and_type(ro, &doms[1], PGT_SEGDESC), -EBUSY);
    assert_true(page_get(ro, &doms[1]));
    /* Nor can the guest give the hypervisor's frame away. */
    assert_false(page_put_alloc_once(ro));
    page_put(ro);
    assert_int_equal(pages_freed, 0);
    page_unshare(ro);
    assert_int_equal(pages_freed, 1);
    /* A mapping outlives the sharing, but there are no new ones. */
    page_unshare(pg);
    assert_int_equal(pages_freed, 1);
    assert_false(page_get(pg, &doms[1]));
    page_put_and_type(pg);
    assert_int_equal(pages_freed, 2);
}

static void test_counts_do_not_wrap(void **state)
{
    struct page_info *pg = page(0);

    (void)state;
    pg->state = PGS_ALLOCATED | PGS_REF_MASK;
    assert_false(page_get(pg, &doms[0]));
    assert_int_equal(page_get_and_type(pg, &doms[0], PGT_WRITABLE), -EINVAL);
    assert_int_equal(pg->state, PGS_ALLOCATED | PGS_REF_MASK);
    pg->state = PGS_ALLOCATED | 1;
}

static void test_allocation_is_dropped_once(void **state)
{
    struct page_info *pg = page(1);

    (void)state;
    make_l1(1, 0);
    assert_true(page_get(pg, &doms[0]));
    assert_true(page_put_alloc_once(pg));
    assert_false(page_put_alloc_once(pg));
    assert_false(pg->state & PGS_PINNED);
    page_put(pg);
    assert_int_equal(pages_freed, 1);
    assert_false(page_get(pg, &doms[0]));
}

/* Nobody would take that pin away. */
static void test_no_pin_of_what_was_given_back(void **state)
{
    struct page_info *pg = page(1);

    (void)state;
    assert_true(page_get(pg, &doms[0])); /* somebody has it mapped */
    assert_true(page_put_alloc_once(pg));
    assert_int_equal(page_pin(pg, &doms[0], PGT_L1), -EINVAL);
    assert_int_equal(pgs_trefs(pg->state), 0);
    page_put(pg);
    assert_int_equal(pages_freed, 1);
}

static void test_bad_descriptors(void **state)
{
    uint64_t *descs = page_to_virt(page(0));

    (void)state;
    descs[1] = 0xbad;
    assert_int_equal(page_get_and_type(page(0), &doms[0], PGT_SEGDESC),
                     -EINVAL);
    assert_int_equal(page(0)->state & ~PGS_FOREIGN, PGS_ALLOCATED | 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_random, setup),
        cmocka_unit_test_setup(test_random_preempted, setup),
        cmocka_unit_test_setup(test_always_preempted, setup),
        cmocka_unit_test_setup(test_l1_flags, setup),
        cmocka_unit_test_setup(test_mmio, setup),
        cmocka_unit_test_setup(test_l1tf, setup),
        cmocka_unit_test_setup(test_table_flags, setup),
        cmocka_unit_test_setup(test_l4_slots, setup),
        cmocka_unit_test_setup(test_flushes, setup),
        cmocka_unit_test_setup(test_foreign_writer_is_known, setup),
        cmocka_unit_test_setup(test_foreign_table_is_known, setup),
        cmocka_unit_test_setup(test_partial_chain, setup),
        cmocka_unit_test_setup(test_refused_late, setup),
        cmocka_unit_test_setup(test_shared_frames, setup),
        cmocka_unit_test_setup(test_counts_do_not_wrap, setup),
        cmocka_unit_test_setup(test_allocation_is_dropped_once, setup),
        cmocka_unit_test_setup(test_no_pin_of_what_was_given_back, setup),
        cmocka_unit_test_setup(test_bad_descriptors, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
