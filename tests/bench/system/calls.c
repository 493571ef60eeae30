/* SPDX-License-Identifier: MIT */
/*
 * Counts hypercalls in a file of xentrace, of all domains, between the marks
 * that io.c makes. A line for each pair of marks:
 *
 *   CALLS SEND UNMASK MAP UNMAP COPY OTHER
 *
 * events sent and channels unmasked; grants (not calls) mapped, unmapped and
 * copied; all other hypercalls. Those inside a multicall are counted one by
 * one. The format is that of the public header, include/public/trace.h.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOST    0x1f001
#define CALL    0x20100d
#define SUBCALL 0x20200e
#define NR_MASK 0xfffffu

/* Hypercalls and operations: include/public. */
#define MULTICALL     13
#define GRANT_TABLE   20
#define EVENT_CHANNEL 32
#define EVENT_CLOSE   3
#define EVENT_SEND    4
#define EVENT_ALLOC   6 /* alloc_unbound */
#define EVENT_UNMASK  9
#define GRANT_MAP     0
#define GRANT_UNMAP   1
#define GRANT_COPY    5

static unsigned long send, unmask, map, unmapped, copied, other;
static int counting, lost;
static int made; /* a channel was made after the last one was closed */

/* Argument i of a hypercall's record; 0 if the record does not have it. */
static uint64_t argument(const uint32_t *word, unsigned int n, unsigned int i)
{
    unsigned int at = 1;

    for (unsigned int k = 0; k < 6; k++) {
        unsigned int words = word[0] >> (20 + 2 * k) & 3;

        if (k == i && words && at + words <= n)
            return words == 1 ? word[at]
                              : word[at] | (uint64_t)word[at + 1] << 32;
        at += words;
    }
    return 0;
}

static void mark(void)
{
    counting = !counting;
    if (!counting)
        printf("CALLS %lu %lu %lu %lu %lu %lu\n", send, unmask, map, unmapped,
               copied, other);
    send = unmask = map = unmapped = copied = other = 0;
}

static void count(const uint32_t *word, unsigned int n)
{
    uint64_t operation = argument(word, n, 0);
    unsigned long times = (unsigned long)argument(word, n, 2);

    switch (word[0] & NR_MASK) {
    case EVENT_CHANNEL:
        if (operation == EVENT_CLOSE && made)
            mark();
        else if (operation == EVENT_SEND)
            send++;
        else if (operation == EVENT_UNMASK)
            unmask++;
        else
            other++;
        if (operation == EVENT_ALLOC || operation == EVENT_CLOSE)
            made = operation == EVENT_ALLOC;
        break;
    case GRANT_TABLE:
        if (operation == GRANT_MAP)
            map += times;
        else if (operation == GRANT_UNMAP)
            unmapped += times;
        else if (operation == GRANT_COPY)
            copied += times;
        else
            other++;
        if (operation == EVENT_ALLOC || operation == EVENT_CLOSE)
            made = operation == EVENT_ALLOC;
        break;
    case MULTICALL:
        break;
    default:
        other++;
    }
}

int main(int argc, char **argv)
{
    FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
    uint32_t head, word[9];

    if (!f)
        return 2;
    while (fread(&head, sizeof(head), 1, f) == 1) {
        uint32_t event = head & 0x0fffffff, n = head >> 28 & 7;
        unsigned int stamp = head >> 31 ? 2 : 0;

        if (fread(word, sizeof(word[0]), n + stamp, f) != n + stamp)
            break;
        if (event == LOST && counting)
            lost = 1;
        if (n && (event == CALL || event == SUBCALL))
            count(word + stamp, n);
    }
    if (counting || lost)
        printf("CALLS LOST\n");
    return 0;
}
