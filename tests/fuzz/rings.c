/* SPDX-License-Identifier: MIT */
/*
 * The ring pages of store and console, which a guest writes at will: the page
 * alone in an allocation, so that a byte outside of it is seen.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "consoled/consring.h"
#include "input.h"
#include "xenstored/ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_TURNS 200

static void check(bool ok)
{
    if (!ok)
        abort();
}

/* An index: anything, or near where the other one is. */
static uint32_t index_near(struct input *in, uint32_t other)
{
    uint8_t b = in8(in);

    return b < 0x40 ? in32(in) : other + (b - 0x80u) * 16u;
}

static void store_ring(struct input *in)
{
    struct xenstore_domain_interface *p = calloc(1, sizeof(*p));
    char buf[2048];

    check(p != NULL);
    ring_start(p);
    for (unsigned int i = 0; i < MAX_TURNS && !input_ended(in); i++) {
        size_t len = in16(in) % sizeof(buf);
        ssize_t n = 0;

        switch (in8(in) % 6) {
        case 0:
            p->req_prod = index_near(in, p->req_cons);
            break;
        case 1:
            p->rsp_cons = index_near(in, p->rsp_prod);
            break;
        case 2:
            p->req_cons = index_near(in, p->req_prod);
            p->rsp_prod = index_near(in, p->rsp_cons);
            break;
        case 3:
            n = ring_read(p, buf, len);
            break;
        case 4:
            memset(buf, in8(in), sizeof(buf));
            n = ring_write(p, buf, len);
            break;
        default:
            p->connection = in32(in);
            if (ring_wants_reset(p))
                ring_reset(p);
            break;
        }
        check(n == -EIO || (n >= 0 && n <= XENSTORE_RING_SIZE));
    }
    free(p);
}

static void console_ring(struct input *in)
{
    struct xencons_interface *p = calloc(1, sizeof(*p));
    struct consring r;
    char buf[4096];

    check(p != NULL);
    p->out_cons = in32(in);
    p->in_prod = in32(in);
    consring_start(&r, p);
    for (unsigned int i = 0; i < MAX_TURNS && !input_ended(in); i++) {
        size_t len = in16(in) % sizeof(buf);
        uint32_t before = r.out_cons;
        bool nonsense;

        switch (in8(in) % 4) {
        case 0:
            p->out_prod = index_near(in, r.out_cons);
            break;
        case 1:
            p->in_cons = index_near(in, r.in_prod);
            break;
        case 2:
            check(consring_read(&r, buf, len, &nonsense) <= len);
            check(nonsense || r.out_cons - before <= sizeof(p->out));
            break;
        default:
            memset(buf, in8(in), sizeof(buf));
            check(consring_write(&r, buf, len) <= sizeof(p->in));
            break;
        }
    }
    free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};

    if (in8(&in) & 1)
        store_ring(&in);
    else
        console_ring(&in);
    return 0;
}
