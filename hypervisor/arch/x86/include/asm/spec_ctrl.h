/* SPDX-License-Identifier: MIT */
/*
 * Speculation: what the processor leaks and offers against it, what the
 * command line says, and what is done. The choice is a function from data to
 * data (spec_choose.c); spec_ctrl.c reads the processor and carries it out.
 * docs/security.md says what for; docs/command-line.md has the options.
 */
#ifndef ASM_SPEC_CTRL_H
#define ASM_SPEC_CTRL_H

#include <asm/patch.h>
#include <hv/types.h>

/* MSR_SPEC_CTRL */
#define SPEC_CTRL_IBRS  (1UL << 0)
#define SPEC_CTRL_STIBP (1UL << 1)
#define SPEC_CTRL_SSBD  (1UL << 2)
#define SPEC_CTRL_BHI_S (1UL << 10) /* BHI_DIS_S */
/* MSR_PRED_CMD */
#define PRED_CMD_IBPB (1UL << 0)
#define PRED_CMD_SBPB (1UL << 7) /* AMD: one that leaves branch types alone */

/* MSR_ARCH_CAPABILITIES: Intel SDM vol. 4. */
#define ARCH_CAP_RDCL_NO    (1UL << 0) /* no Meltdown, no L1TF */
#define ARCH_CAP_IBRS_ALL   (1UL << 1)
#define ARCH_CAP_SSB_NO     (1UL << 4)
#define ARCH_CAP_MDS_NO     (1UL << 5)
#define ARCH_CAP_TSX_CTRL   (1UL << 7)
#define ARCH_CAP_TAA_NO     (1UL << 8)
#define ARCH_CAP_FBSDP_NO   (1UL << 14)
#define ARCH_CAP_FB_CLEAR   (1UL << 17)
#define ARCH_CAP_BHI_NO     (1UL << 20)
#define ARCH_CAP_RFDS_CLEAR (1UL << 28)

/* AMD: CPUID leaf 0x80000021 EAX. */
#define E21_A_LFENCE      (1U << 2)
#define E21_A_AUTO_IBRS   (1U << 8)
#define E21_A_IBPB_BRTYPE (1U << 28)
#define E21_A_SRSO_NO     (1U << 29)
#define E21_A_SRSO_US_NO  (1U << 30) /* not from ring 3 to ring 0 */

/* What the processor says, or is known of its model. */
struct spec_caps {
    uint8_t vendor; /* enum cpu_vendor */
    unsigned int family, model;
    /* Controls. */
    bool ibrs, ibpb, stibp, ssbd;
    bool ibrs_all;      /* enhanced: set once */
    bool auto_ibrs;     /* AMD: a bit of EFER, set once */
    bool bhi_ctrl;      /* SPEC_CTRL_BHI_S */
    bool md_clear;      /* VERW overwrites buffers */
    bool tsx_ctrl, rtm; /* transactions can be switched off; are there */
    bool srbds_ctrl;    /* MSR_MCU_OPT_CTRL: RDRAND's buffer is cleared */
    bool lfence_stops;  /* LFENCE waits for all before it */
    bool lfence_bit;    /* ... by a bit that each CPU needs set */
    bool ibpb_types;    /* AMD: IBPB forgets the types of branches too */
    bool smt;           /* a core has more than one thread */
    bool smep;
    /* Holes. */
    bool meltdown, l1tf, mds, taa;
    bool mmio;             /* stale data of devices, or of register files */
    bool ret_mispredicted; /* AMD Zen 1, 2: RET follows the branch buffer */
    bool srso;             /* AMD: RET follows calls that are none */
    bool zenbleed;         /* AMD Zen 2: vector registers of others */
    bool rsb_underflow;    /* Skylake: an empty return predictor too */
    bool bhi;
};

#define SPEC_DEFAULT (-1)
/* Words of the command line: SPEC_DEFAULT, 0 or 1 unless it says otherwise. */
struct spec_options {
    int thunk; /* enum patch_thunk */
    int ibrs, ibpb, ibpb_entry, stibp, ssbd, rsb, md_clear, srb_lock, tsx;
    int xpti_dom0, xpti_domu;
    int l1tf_dom0, l1tf_domu;
};

struct spec_choice {
    enum patch_thunk thunk;
    bool ibrs_entry; /* SPEC_CTRL written on every entry and exit */
    bool ibrs_all;   /* set for good */
    bool auto_ibrs;
    bool rsb_entry;
    bool ibpb_switch; /* when a CPU goes to another domain's vcpu */
    bool ibpb_entry;  /* on every entry from a guest */
    bool verw;        /* on every return to a guest */
    bool tsx_off;
    bool zen2_backup;   /* DE_CFG's bit against Zenbleed */
    bool srb_lock;      /* RDRAND's buffer protected: the processor's default */
    uint64_t spec_ctrl; /* MSR_SPEC_CTRL while the hypervisor runs */
    bool xpti_dom0, xpti_domu;
    bool l1tf_dom0, l1tf_domu;
};

/* Everything by default. */
extern const struct spec_options spec_options_default;
/*
 * Holes of AMD's families in c: leaf21 is EAX of leaf 0x80000021, is_guest: a
 * hypervisor is below us, takes_sbpb: PRED_CMD_SBPB could be written.
 */
void spec_amd_holes(struct spec_caps *c, uint32_t leaf21, bool is_guest,
                    bool takes_sbpb);
/*
 * What to do on a processor with c when the command line said o. What the
 * processor does not have is not chosen, whatever the line says.
 */
void spec_choose(const struct spec_caps *c, const struct spec_options *o,
                 struct spec_choice *out);
/* spec_options.c: spec-ctrl=, with all words of it. Words that mean nothing are
 * named in the log; -EINVAL if there was one. */
int spec_parse(struct spec_options *o, const char *list);
/* xpti= and pv-l1tf=: yes, no, or a list of dom0[=..], domu[=..]. */
int spec_parse_domains(int *dom0, int *domu, const char *list);

/* PATCH_* bits for the choice. */
uint32_t spec_features(const struct spec_choice *c);

/* ---- spec_ctrl.c: on the machine ---- */
struct vcpu;

extern struct spec_choice spec_choice;
extern struct spec_caps spec_caps;

void spec_init(void);     /* boot CPU: look, choose, patch the code */
void spec_cpu_init(void); /* this CPU's registers */
void spec_report(void);   /* the lines of the log */
/* next runs on this CPU after prev: the control register's value, barrier.
 * Interrupts off. Only if patch_is_set(PATCH_PREDICT). */
void spec_switch(const struct vcpu *prev, const struct vcpu *next);
/* A new domain gets this id: no CPU is its own already. */
void spec_forget(uint16_t domid);

#endif
