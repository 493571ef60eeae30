/* SPDX-License-Identifier: MIT */
/*
 * The store's wire protocol by the control domain and two guests: requests
 * that make sense, requests that do not, and raw bytes in between. The whole
 * store is verified after each input, and what belongs to others is unchanged.
 */
#include <errno.h>

#include "xs_fixture.h"

#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NR_CLIENTS 3
#define MAX_TURNS  300

static const uint32_t ids[NR_CLIENTS] = {0, 5, 6};

static const char *const words[] = {
    "/",
    "/a",
    "a",
    "data",
    "data/x",
    "data/x/y",
    "data/y",
    "../x",
    "//",
    "/local/domain/0",
    "/local/domain/5/data",
    "/local/domain/6/data",
    "/local/domain/5",
    "@introduceDomain",
    "@releaseDomain",
    "T",
    "F",
    "0",
    "1",
    "5",
    "6",
    "n0",
    "b5",
    "r6",
    "n5",
    "w6",
    "/secret",
    "tok",
    "tok2",
    "4294967295",
    "18446744073709551616",
    "-1",
    "check",
    "log|on",
    "help",
    "quota",
};
#define NR_WORDS (sizeof(words) / sizeof(words[0]))

static void check(bool ok)
{
    if (!ok)
        abort();
}

static size_t payload(struct input *in, char *buf, size_t room)
{
    unsigned int nr = in8(in) % 6;
    size_t len = 0;

    for (unsigned int i = 0; i < nr; i++) {
        uint8_t b = in8(in);
        const char *w = words[b % NR_WORDS];
        size_t n = strlen(w) + (b < 0xe0);

        if (n > room - len)
            break;
        memcpy(buf + len, w, n);
        len += n;
    }
    if (in8(in) >= 0xe0) {
        size_t n = in8(in) * (in8(in) & 1 ? 16u : 1u);
        uint8_t fill = in8(in);

        n = n < room - len ? n : room - len;
        memset(buf + len, fill, n);
        len += n;
    }
    return len;
}

static bool has_room(const struct client *cl, size_t len)
{
    return cl->to_len + len <= sizeof(cl->to);
}

static void request(struct client *cl, struct input *in)
{
    char buf[XENSTORE_PAYLOAD_MAX];
    uint32_t type = in8(in) % 25;
    uint32_t tx = in8(in);
    size_t len = payload(in, buf, sizeof(buf));

    tx = tx < 0x80 ? 0 : tx % (cl->conn ? cl->conn->next_tx + 2 : 2);
    if (has_room(cl, sizeof(struct xsd_sockmsg) + len))
        post(cl, type, tx, buf, len);
}

static void raw(struct client *cl, struct input *in)
{
    char buf[64];
    size_t n = in8(in) % sizeof(buf);

    for (size_t i = 0; i < n; i++)
        buf[i] = (char)in8(in);
    if (has_room(cl, n))
        send_raw(cl, buf, n);
}

static void drain(struct client *cl)
{
    static struct message m;

    while (receive(cl, &m))
        ;
}

static void turn(struct client *clients[], struct input *in)
{
    uint8_t b = in8(in);
    struct client *cl = clients[b % NR_CLIENTS];

    if (cl->conn == NULL)
        return;
    switch (b >> 5) {
    case 0:
        raw(cl, in);
        break;
    case 1:
        cl->from_room = in16(in);
        break;
    default:
        request(cl, in);
        break;
    }
    if (b & 0x10) {
        run();
        for (unsigned int i = 0; i < NR_CLIENTS; i++)
            drain(clients[i]);
    }
}

static void begin(struct client *clients[])
{
    check(store_init(&store) == 0);
    for (unsigned int i = 0; i < NR_CLIENTS; i++)
        clients[i] = client_new(ids[i]);
    check(put(clients[0], 0, "/secret", "s") == 0);
    check(set_perms(clients[0], "/secret", "n0") == 0);
    for (unsigned int i = 1; i < NR_CLIENTS; i++) {
        char path[64], perms[8];

        snprintf(path, sizeof(path), "/local/domain/%u/data", ids[i]);
        snprintf(perms, sizeof(perms), "n%u", ids[i]);
        check(put(clients[0], 0, path, "") == 0);
        check(set_perms(clients[0], path, perms) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct client *clients[NR_CLIENTS];
    bool dom0_spoke = false;

    log_open("/dev/null");
    begin(clients);
    for (unsigned int i = 0; i < MAX_TURNS && !input_ended(&in); i++) {
        dom0_spoke |= in.p[0] % NR_CLIENTS == 0;
        turn(clients, &in);
    }
    for (unsigned int i = 0; i < NR_CLIENTS; i++) {
        clients[i]->from_room = SIZE_MAX;
        if (clients[i]->conn != NULL)
            conn_make_ready(clients[i]->conn);
    }
    run();
    check(store_check(&store) == 0);
    /* Guests alone never see or change what is not theirs. */
    if (!dom0_spoke && clients[0]->conn) {
        const char *value;

        for (unsigned int i = 0; i < NR_CLIENTS; i++)
            drain(clients[i]);
        check(get(clients[0], 0, "/secret", &value) == 0);
        check(strcmp(value, "s") == 0);
        if (clients[1]->conn && clients[1]->to_len == 0 &&
            clients[1]->conn->in_used == 0 && !clients[1]->conn->ignored)
            check(get(clients[1], 0, "/secret", &value) == -EACCES);
    }
    for (unsigned int i = 0; i < NR_CLIENTS; i++)
        client_end(clients[i]);
    check(store.watches.nr_watches == 0);
    domains_free(&store);
    store_free(&store);
    return 0;
}
