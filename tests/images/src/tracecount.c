/* SPDX-License-Identifier: MIT */
/*
 * Reads a file of xentrace and says what is in it: a line for each CPU, a line
 * for each event. Ends with status 1 if the records do not follow one another
 * as they should, or a CPU's time goes back.
 *
 *   tracecount FILE
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_CPUS   64
#define MAX_EVENTS 1024
#define CPU_CHANGE 0x1f003
#define WRAP       0x1f002
#define LOST       0x1f001

static struct {
    unsigned long records;
    uint64_t first, last;
} cpus[MAX_CPUS];
static struct {
    uint32_t event;
    unsigned long count;
} events[MAX_EVENTS];
static unsigned int nr_events;
static unsigned long lost, backwards;

static void count(uint32_t event)
{
    unsigned int i;

    for (i = 0; i < nr_events; i++)
        if (events[i].event == event)
            break;
    if (i == MAX_EVENTS)
        return;
    if (i == nr_events)
        events[nr_events++].event = event;
    events[i].count++;
}

static int damaged(FILE *f, const char *why)
{
    printf("tracecount: damaged at %ld: %s\n", ftell(f), why);
    return 1;
}

int main(int argc, char **argv)
{
    FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
    uint32_t head, cpu = 0, word[9];

    if (!f)
        return 2;
    while (fread(&head, sizeof(head), 1, f) == 1) {
        uint32_t event = head & 0x0fffffff, n = head >> 28 & 7;
        int stamped = head >> 31;
        uint64_t tsc = 0;

        n += stamped ? 2 : 0;
        if (n && fread(word, sizeof(word[0]), n, f) != n)
            return damaged(f, "the last record is cut");
        if (!(event & 0xf000) || event >> 16 == 0)
            return damaged(f, "no event");
        if (event == CPU_CHANGE) {
            cpu = word[0];
            if (cpu >= MAX_CPUS)
                return damaged(f, "no such CPU");
            continue;
        }
        if (stamped) {
            tsc = (uint64_t)word[1] << 32 | word[0];
            backwards += tsc < cpus[cpu].last;
            cpus[cpu].last = tsc;
            if (!cpus[cpu].first)
                cpus[cpu].first = tsc;
        }
        cpus[cpu].records++;
        if (event == LOST)
            lost += word[2];
        count(event);
    }
    for (cpu = 0; cpu < MAX_CPUS; cpu++)
        if (cpus[cpu].records)
            printf("cpu %u: %lu records over %" PRIu64 " cycles\n", cpu,
                   cpus[cpu].records, cpus[cpu].last - cpus[cpu].first);
    for (unsigned int i = 0; i < nr_events; i++)
        printf("event %08x: %lu\n", events[i].event, events[i].count);
    printf("tracecount: lost %lu, backwards %lu\n", lost, backwards);
    return backwards ? 1 : 0;
}
