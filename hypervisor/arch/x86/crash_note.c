/* SPDX-License-Identifier: MIT */
/*
 * What a dump reader finds of each CPU: ELF notes with its registers when the
 * machine went down, and one of the whole hypervisor. Layouts: System V ABI,
 * "Note Section"; Linux core dumps (struct elf_prstatus); public/elfnote.h.
 */
#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/lib.h>
#include <hv/page.h>
#include <hv/percpu.h>
#include <hv/version.h>

#include <public/elfnote.h>

#include <asm/image.h>
#include <asm/msr.h>
#include <asm/page.h>
#include <asm/x86.h>

#define NT_PRSTATUS 1

struct note_header {
    uint32_t name_size, desc_size, type;
};

/* struct elf_prstatus of x86-64; what means nothing here stays 0. */
struct prstatus {
    uint8_t signal_and_ids[48];
    uint8_t times[64];
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi,
        rdi, orig_rax, rip, cs, rflags, rsp, ss, fs_base, gs_base, ds, es, fs,
        gs;
    uint64_t fp_valid;
};
_Static_assert(sizeof(struct prstatus) == 336, "core dump ABI");

struct control_regs {
    uint64_t cr0, cr2, cr3, cr4;
};

/* XEN_ELFNOTE_CRASH_INFO: strings by machine address. */
struct crash_info {
    uint64_t major, minor;
    uint64_t extraversion, changeset, compiler, compile_date, compile_time;
    uint64_t tainted;
    uint64_t phys_start;
    uint64_t dom0_p2m_list_list; /* frame */
};

struct crash_note {
    struct note_header core;
    char core_name[8];
    struct prstatus prstatus;
    struct note_header regs;
    char regs_name[4];
    struct control_regs cr;
    struct note_header info; /* a name size of 0 ends the notes */
    char info_name[4];
    struct crash_info what;
    struct note_header end;
} PACKED ALIGNED(4);

static DEFINE_PER_CPU(struct crash_note, note);

#define VMCOREINFO_SIZE 1024
static struct {
    struct note_header header;
    char name[16];
    char text[VMCOREINFO_SIZE];
} vmcoreinfo;
#define VMCOREINFO_NAME "VMCOREINFO_XEN"

static paddr_t phys(const void *va)
{
    return mfn_to_maddr(virt_to_mfn(va)) | ((uintptr_t)va & (PAGE_SIZE - 1));
}

static uint16_t selector_ds(void)
{
    uint16_t s;

    __asm__("mov %%ds, %0" : "=r"(s));
    return s;
}

static struct prstatus registers_of(const struct cpu_regs *r)
{
    return (struct prstatus){
        .r15 = r->r15,
        .r14 = r->r14,
        .r13 = r->r13,
        .r12 = r->r12,
        .rbp = r->rbp,
        .rbx = r->rbx,
        .r11 = r->r11,
        .r10 = r->r10,
        .r9 = r->r9,
        .r8 = r->r8,
        .rax = r->rax,
        .rcx = r->rcx,
        .rdx = r->rdx,
        .rsi = r->rsi,
        .rdi = r->rdi,
        .orig_rax = ~0UL, /* in no system call */
        .rip = r->rip,
        .cs = r->cs & 0xffff,
        .rflags = r->rflags,
        .rsp = r->rsp,
        .ss = r->ss & 0xffff,
        .fs_base = rdmsr(MSR_FS_BASE),
        .gs_base = rdmsr(MSR_GS_BASE),
        .ds = selector_ds(),
        .es = selector_ds(),
    };
}

/* Where the caller is: enough to walk its frames. */
static void own_registers(struct cpu_regs *r)
{
    memset(r, 0, sizeof(*r));
    __asm__ volatile("leaq (%%rip), %0\n\t"
                     "mov %%rsp, %1\n\t"
                     "pushfq\n\t"
                     "popq %2"
                     : "=r"(r->rip), "=r"(r->rsp), "=r"(r->rflags));
    r->rbp = (uintptr_t)__builtin_frame_address(0);
    r->cs = SEL_HV_CS;
    r->ss = SEL_HV_DS;
}

static void fill_info(struct crash_note *n)
{
    n->info = (struct note_header){4, sizeof(n->what), XEN_ELFNOTE_CRASH_INFO};
    memcpy(n->info_name, "Xen", 4);
    n->what = (struct crash_info){
        .major = 4,
        .minor = 17,
        .extraversion = phys(TRELLIS_EXTRAVERSION),
        .changeset = phys(TRELLIS_CHANGESET),
        .compiler = phys(TRELLIS_COMPILER),
        .compile_date = phys(TRELLIS_DATE),
        .compile_time = phys(TRELLIS_DATE),
        .phys_start = IMAGE_PHYS,
    };
    if (dom0 && dom0->shared_info)
        n->what.dom0_p2m_list_list =
            dom0->shared_info->arch.pfn_to_mfn_frame_list_list;
}

void arch_crash_save(const struct cpu_regs *regs, bool first)
{
    struct crash_note *n = &this_cpu(note);
    struct cpu_regs own;

    if (!regs) {
        own_registers(&own);
        regs = &own;
    }
    n->core = (struct note_header){5, sizeof(n->prstatus), NT_PRSTATUS};
    memcpy(n->core_name, "CORE\0\0\0", 8);
    n->prstatus = registers_of(regs);
    n->regs = (struct note_header){4, sizeof(n->cr), XEN_ELFNOTE_CRASH_REGS};
    memcpy(n->regs_name, "Xen", 4);
    n->cr =
        (struct control_regs){read_cr0(), read_cr2(), read_cr3(), read_cr4()};
    if (first)
        fill_info(n);
}

void arch_crash_note(unsigned int cpu, paddr_t *start, uint64_t *size)
{
    *start = phys(&per_cpu(note, cpu));
    *size = sizeof(struct crash_note);
}

void arch_vmcoreinfo(paddr_t *start, uint64_t *size)
{
    *start = phys(&vmcoreinfo);
    *size = offsetof(__typeof__(vmcoreinfo), text) +
            ROUND_UP(vmcoreinfo.header.desc_size, 4);
}

/* Under names of our own: nobody shall take our structures for others. */
void __init arch_crash_init(void)
{
    int n = snprintf(
        vmcoreinfo.text, VMCOREINFO_SIZE,
        "TRELLIS=%s\nPAGESIZE=%lu\n"
        "SYMBOL(hv_l4)=%lx\nSYMBOL(frame_table)=%lx\nSYMBOL(max_mfn)=%lx\n"
        "SYMBOL(dom0)=%lx\nSYMBOL(percpu_offset)=%lx\n"
        "SIZE(page_info)=%zu\nOFFSET(page_info.owner)=%zu\n"
        "OFFSET(domain.id)=%zu\nOFFSET(domain.list)=%zu\n"
        "NUMBER(image_start)=%lx\nNUMBER(directmap_start)=%lx\n",
        TRELLIS_VERSION, PAGE_SIZE, (uintptr_t)hv_l4, (uintptr_t)frame_table,
        (uintptr_t)&max_mfn, (uintptr_t)&dom0, (uintptr_t)percpu_offset,
        sizeof(struct page_info), offsetof(struct page_info, owner),
        offsetof(struct domain, id), offsetof(struct domain, list), IMAGE_START,
        DIRECTMAP_START);

    vmcoreinfo.header =
        (struct note_header){sizeof(VMCOREINFO_NAME), (uint32_t)n, 0};
    memcpy(vmcoreinfo.name, VMCOREINFO_NAME, sizeof(VMCOREINFO_NAME));
}
