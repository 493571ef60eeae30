/* SPDX-License-Identifier: MIT */
/*
 * A guest that treats dom0's daemons badly: it scribbles on its store and
 * console rings, floods both, and leaves. dom0 must go on serving everybody
 * else; only this guest's own connections may suffer. `rounds=N` on its
 * command line sets for how long.
 */
#include <kit/console.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <kit/event.h>
#include <public/io/console.h>
#include <public/io/xs_wire.h>

static struct xenstore_domain_interface *store;
static struct xencons_interface *cons;

static uint32_t random_word(void)
{
    static uint64_t state = 88172645463325252ULL;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

static uint64_t number(const char *text)
{
    uint64_t n = 0;

    for (; *text >= '0' && *text <= '9'; text++)
        n = n * 10 + (uint64_t)(*text - '0');
    return n;
}

static void kick_store(void)
{
    event_send(start_info->store_evtchn);
}

static void kick_console(void)
{
    event_send(start_info->console.domU.evtchn);
}

/* Any index, any data, anywhere in either page. */
static void scribble(volatile void *page, size_t len)
{
    volatile uint32_t *word = page;

    for (int i = 0; i < 64; i++)
        word[random_word() % (len / 4)] = random_word();
}

static void mad_store_indices(void)
{
    volatile struct xenstore_domain_interface *s = store;

    s->req_prod = random_word();
    s->rsp_cons = random_word();
    if (random_word() % 2)
        s->req_cons = random_word();
    if (random_word() % 2)
        s->rsp_prod = random_word();
    kick_store();
}

/* A fresh start, as the ring offers it; then nonsense in good order. */
static void reconnect_and_flood(void)
{
    volatile struct xenstore_domain_interface *s = store;
    uint64_t patience = time_now() + NS_PER_S / 5;
    uint32_t prod;

    s->connection = XENSTORE_RECONNECT;
    kick_store();
    while (s->connection != XENSTORE_CONNECTED && time_now() < patience)
        ;
    prod = s->req_prod;
    for (int i = 0; i < 40; i++) {
        struct xsd_sockmsg hdr = {
            .type = random_word() % 24,
            .req_id = random_word(),
            .len = random_word() % 30,
        };
        const char *bytes = (const char *)&hdr;
        uint32_t room = XENSTORE_RING_SIZE - (prod - s->req_cons);

        if (room < sizeof(hdr) + hdr.len)
            break;
        for (size_t j = 0; j < sizeof(hdr); j++)
            s->req[prod++ % XENSTORE_RING_SIZE] = bytes[j];
        for (uint32_t j = 0; j < hdr.len; j++)
            s->req[prod++ % XENSTORE_RING_SIZE] =
                "/data@\0\0x19r"[random_word() % 12];
    }
    s->req_prod = prod;
    kick_store();
}

static void mad_console_indices(void)
{
    volatile struct xencons_interface *c = cons;

    c->out_prod = random_word();
    c->in_cons = random_word();
    if (random_word() % 2)
        c->out_cons = random_word();
    if (random_word() % 2)
        c->in_prod = random_word();
    kick_console();
}

/* A full ring, always. */
static void console_flood(void)
{
    volatile struct xencons_interface *c = cons;

    for (int i = 0; i < 50; i++) {
        c->out_prod = c->out_cons + sizeof(c->out);
        kick_console();
    }
}

void kit_main(void)
{
    char text[16];
    uint64_t rounds = 200;

    timer_stop_periodic();
    if (option("rounds", text, sizeof(text)))
        rounds = number(text);
    store = mfn_to_virt(start_info->store_mfn);
    cons = mfn_to_virt(start_info->console.domU.mfn);
    printk("ringbreaker: %lu rounds\n", rounds);
    for (uint64_t i = 0; i < rounds; i++) {
        reconnect_and_flood();
        mad_store_indices();
        mad_console_indices();
        console_flood();
        if (i % 4 == 3) {
            scribble(store, sizeof(*store));
            scribble(cons, sizeof(*cons));
            kick_store();
            kick_console();
        }
    }
    /* So that the last words can be read. */
    cons->out_prod = cons->out_cons;
    printk("ringbreaker: done\n");
}
