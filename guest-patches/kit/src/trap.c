/* SPDX-License-Identifier: MIT */
/*
 * Trap table, callbacks and the C dispatcher. The order in which an exception
 * finds its taker is written in kit/trap.h.
 */
#include <kit/trap.h>

#include <kit/console.h>
#include <kit/cpu.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/power.h>
#include <kit/string.h>
#include <kit/user.h>
#include <public/callback.h>

#define STUB_SIZE 32

struct fixup {
    uint64_t from;
    uint64_t to;
};

extern char kit_trap_stubs[];
extern char kit_failsafe[];
extern const struct fixup kit_extable_start[], kit_extable_end[];

static trap_hook_t hook;
unsigned int failsafe_count;
struct failsafe_frame failsafe_last;

uint64_t trap_stub(unsigned int vector)
{
    return addr(kit_trap_stubs) + (uint64_t)vector * STUB_SIZE;
}

static long set_one(uint8_t vector, uint8_t flags, uint64_t entry)
{
    struct trap_info table[2];

    memset(table, 0, sizeof(table));
    table[0].vector = vector;
    table[0].flags = flags;
    table[0].cs = FLAT_KERNEL_CS;
    table[0].address = entry;
    return hc_set_trap_table(table);
}

long trap_register(uint8_t vector, uint8_t flags)
{
    return set_one(vector, flags, trap_stub(vector));
}

/* An address of 0 ends a table, so one vector cannot be removed: all go, and
 * the others come back. */
long trap_unregister(uint8_t vector)
{
    long rc = hc_set_trap_table(NULL);

    if (rc == 0)
        trap_init();
    if (rc == 0 && vector < 32) {
        rc = hc_set_trap_table(NULL);
        for (unsigned int v = 0; v < 32; v++) {
            if (v != vector)
                trap_register((uint8_t)v, v == VEC_BP || v == VEC_OF ? 3 : 0);
        }
    }
    return rc;
}

long callback_register(unsigned int type, unsigned int flags, uint64_t entry)
{
    struct callback_register cb;

    memset(&cb, 0, sizeof(cb));
    cb.type = (uint16_t)type;
    cb.flags = (uint16_t)flags;
    cb.address = entry;
    return hc_callback_op(CALLBACKOP_register, &cb);
}

void trap_init(void)
{
    for (unsigned int v = 0; v < 32; v++)
        trap_register((uint8_t)v, v == VEC_BP || v == VEC_OF ? 3 : 0);
    trap_register(0x80, 3);
    callback_register(CALLBACKTYPE_event, 0, trap_stub(VEC_EVENT));
    callback_register(CALLBACKTYPE_failsafe, 0, addr(kit_failsafe));
    callback_register(CALLBACKTYPE_syscall, 0, trap_stub(VEC_SYSCALL));
    callback_register(CALLBACKTYPE_syscall32, 0, trap_stub(VEC_SYSCALL32));
    callback_register(CALLBACKTYPE_sysenter, 0, trap_stub(VEC_SYSENTER));
}

void trap_set_hook(trap_hook_t new_hook)
{
    hook = new_hook;
}

struct trap_record *trap_last(void)
{
    return &this_cpu()->last;
}

bool trap_catch(void (*fn)(void *), void *arg)
{
    struct cpu *cpu = this_cpu();
    uint64_t outer = cpu->catch_sp;
    uint8_t mask = cpu->info->evtchn_upcall_mask;
    bool caught = context_run(&cpu->catch_sp, fn, arg);

    cpu->catch_sp = outer;
    if (caught) {
        cpu->info->evtchn_upcall_mask = 1;
        events_restore(mask);
    }
    return caught;
}

static bool has_error_code(uint64_t vector)
{
    return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 ||
           vector == 21 || vector == 30;
}

static void record(struct cpu *cpu, const struct regs *r)
{
    struct trap_record *t = &cpu->last;

    t->regs = *r;
    t->cr2 = cpu->info->arch.cr2;
    t->frame = addr(&r->rcx) + (has_error_code(r->vector) ? 0 : 8);
    t->mask_after = cpu->info->evtchn_upcall_mask;
    t->count++;
}

static bool apply_fixup(struct regs *r)
{
    for (const struct fixup *f = kit_extable_start; f < kit_extable_end; f++) {
        if (f->from == r->rip) {
            r->rip = f->to;
            return true;
        }
    }
    return false;
}

void regs_print(const struct regs *r)
{
    printk("vector %lx error %lx rip %lx cs %lx flags %lx rsp %lx ss %lx\n",
           r->vector, r->error, r->rip, r->cs, r->rflags, r->rsp, r->ss);
    printk("rax %lx rbx %lx rcx %lx rdx %lx rsi %lx rdi %lx rbp %lx\n", r->rax,
           r->rbx, r->rcx, r->rdx, r->rsi, r->rdi, r->rbp);
    printk("r8 %lx r9 %lx r10 %lx r11 %lx r12 %lx r13 %lx r14 %lx r15 %lx\n",
           r->r8, r->r9, r->r10, r->r11, r->r12, r->r13, r->r14, r->r15);
}

void panic(const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    format_v(text, sizeof(text), format, args);
    va_end(args);
    printk("PANIC cpu %u: %s\n", this_cpu()->id, text);
    power_off(SHUTDOWN_crash);
}

void trap_dispatch(struct regs *r)
{
    struct cpu *cpu = this_cpu();

    if (r->vector == VEC_EVENT) {
        event_upcall(r);
        return;
    }
    if (regs_from_user(r) && cpu->user_sp)
        user_leave(cpu, r);
    if (hook && hook(r))
        return;
    record(cpu, r);
    if (apply_fixup(r))
        return;
    if (cpu->catch_sp && !regs_from_user(r))
        context_return(cpu->catch_sp);
    regs_print(r);
    panic("unexpected trap, cr2 %lx", (uint64_t)cpu->info->arch.cr2);
}

void trap_failsafe(struct failsafe_frame *f)
{
    failsafe_count++;
    failsafe_last = *f;
}
