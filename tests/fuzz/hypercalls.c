/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls by three domains on four CPUs. After each input all references
 * and types are recounted, all domains end, and nothing of them may be left.
 */
#include <stdio.h>
#include <stdlib.h>

#include "hv_ops.h"

#include <asm/pv/mm.h>

#define MAX_ACTIONS 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static void run_all(struct input *in)
{
    for (unsigned int i = 0;
         i < MAX_ACTIONS && !input_ended(in) && !world_is_over; i++) {
        uint8_t where = in8(in);

        host_run_on(where % NR_CPUS);
        if (current->is_idle) {
            world_settle();
            continue;
        }
        op_run(in);
        if (where & 0x80)
            world_settle();
    }
}

static void audit(void)
{
    world_settle();
    host_run_on(0);
    if (pv_audit() != 0) {
        host_log_to_stderr = true;
        (void)pv_audit();
        abort();
    }
    world_check();
}

/* What got through, at the end: a fuzzer all of whose calls fail is none. */
static void report(void)
{
    if (!getenv("FUZZ_REPORT"))
        return;
    for (unsigned int nr = 0; nr < NR_HYPERCALLS; nr++)
        if (calls_made[nr])
            fprintf(stderr, "hypercall %2u: %9lu calls, %3lu%% ok\n", nr,
                    calls_made[nr], calls_ok[nr] * 100 / calls_made[nr]);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    world_init();
    atexit(report);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};

    host_now += 1000000;
    world_build();
    run_all(&in);
    hazards_end();
    audit();
    world_destroy();
    return 0;
}
