/* SPDX-License-Identifier: MIT */
/*
 * The two ways out for text. In a domain without privilege the ring's frame is
 * mapped by the builder as an ordinary pfn, so the M2P finds its address.
 */
#include <kit/console.h>

#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <public/io/console.h>

static struct xencons_interface *ring;
static unsigned int ring_port;

void console_init(void)
{
    if (start_info->flags & SIF_INITDOMAIN)
        return;
    ring = mfn_to_virt(start_info->console.domU.mfn);
    ring_port = start_info->console.domU.evtchn;
}

static void ring_put(char c)
{
    volatile XENCONS_RING_IDX *cons = &ring->out_cons;

    while (ring->out_prod - *cons >= sizeof(ring->out)) {
        event_send(ring_port);
        hc_sched_op(SCHEDOP_yield, NULL);
    }
    ring->out[MASK_XENCONS_IDX(ring->out_prod, ring->out)] = c;
    barrier();
    ring->out_prod++;
}

void console_write(const char *text, size_t len_bytes)
{
    if (!ring) {
        hc_console_io(CONSOLEIO_write, (unsigned int)len_bytes, (void *)text);
        return;
    }
    for (size_t i = 0; i < len_bytes; i++) {
        if (text[i] == '\n')
            ring_put('\r');
        ring_put(text[i]);
    }
    event_send(ring_port);
}
