/* SPDX-License-Identifier: MIT */
/*
 * The client's connection: connect, send a request, wait for its reply while
 * watch events are queued. Any framing error makes the connection dead: what
 * follows on the stream could be taken for something else.
 */
#include "conn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_socket(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd;
    int rc;

    if (strlen(path) >= sizeof(addr.sun_path))
        return -ENAMETOOLONG;
    strcpy(addr.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
        rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

static int wrap(int fd, struct xs **out)
{
    struct xs *xs;

    if (fd < 0)
        return fd;
    xs = calloc(1, sizeof(*xs));
    if (xs == NULL) {
        close(fd);
        return -ENOMEM;
    }
    xs->fd = fd;
    xs->tail = &xs->head;
    *out = xs;
    return 0;
}

/* A device is the kernel's connection to the store. */
int xs_open_path(const char *path, struct xs **out)
{
    struct stat st;
    int fd;

    if (stat(path, &st) != 0)
        return -errno;
    if (!S_ISCHR(st.st_mode))
        return wrap(connect_socket(path), out);
    fd = open(path, O_RDWR | O_CLOEXEC);
    return fd < 0 ? -errno : wrap(fd, out);
}

static int open_sockets(const char *const *sockets, struct xs **out)
{
    int rc = -ENOENT;

    for (; *sockets != NULL && rc == -ENOENT; sockets++)
        rc = xs_open_path(*sockets, out);
    return rc;
}

/*
 * In the control domain the kernel's connection leads to the same daemon, and
 * the kernel keeps what is asked there until one comes: without a daemon we
 * would wait for ever. Only this domain has the device by which the daemon
 * gets the kernel's ring; any domain may have /dev/xen/privcmd.
 */
int xs_open_places(const struct xs_places *places, struct xs **out)
{
    int rc = open_sockets(places->sockets, out);

    if (rc == 0 || access(places->only_in_dom0, F_OK) == 0)
        return rc;
    return xs_open_path(places->kernel, out) == 0 ? 0 : rc;
}

int xs_open(struct xs **out)
{
    static const char *const sockets[] = {XS_SOCKET,
                                          "/var/run/xenstored/socket", NULL};
    static const struct xs_places places = {
        .sockets = sockets,
        .kernel = "/dev/xen/xenbus",
        .only_in_dom0 = "/dev/xen/xenbus_backend",
    };
    const char *path = getenv("XENSTORED_PATH");

    return path != NULL ? xs_open_path(path, out)
                        : xs_open_places(&places, out);
}

void xs_close(struct xs *xs)
{
    if (xs == NULL)
        return;
    while (xs->head != NULL) {
        struct xs_queued *q = xs->head;

        xs->head = q->next;
        free(q->ev.path);
        free(q);
    }
    close(xs->fd);
    free(xs);
}

int xs_fd(const struct xs *xs)
{
    return xs->fd;
}

static int read_all(int fd, void *buf, size_t len)
{
    char *p = buf;

    while (len > 0) {
        ssize_t n = read(fd, p, len);

        if (n == 0)
            return -EPIPE;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

/* MSG_NOSIGNAL where it applies; the kernel's device is no socket. */
static ssize_t write_some(int fd, const void *buf, size_t len)
{
    ssize_t n = send(fd, buf, len, MSG_NOSIGNAL);

    return n < 0 && errno == ENOTSOCK ? write(fd, buf, len) : n;
}

static int write_all(int fd, const void *buf, size_t len)
{
    const char *p = buf;

    while (len > 0) {
        ssize_t n = write_some(fd, p, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Takes over payload. */
static int queue_event(struct xs *xs, char *payload, size_t len)
{
    const char *argv[2];
    struct xs_queued *q;

    if (xs_strings(payload, len, argv, 2, 2) < 0) {
        free(payload);
        return -EPROTO;
    }
    q = malloc(sizeof(*q));
    if (q == NULL) {
        free(payload);
        return -ENOMEM;
    }
    q->next = NULL;
    q->ev.path = payload;
    q->ev.token = payload + (argv[1] - argv[0]);
    *xs->tail = q;
    xs->tail = &q->next;
    return 0;
}

/*
 * Read one message; a watch event is queued (*payload NULL then). The payload
 * gets a NUL behind it.
 */
static int read_message(struct xs *xs, struct xsd_sockmsg *hdr, char **payload)
{
    char *buf;
    int rc = read_all(xs->fd, hdr, sizeof(*hdr));

    if (rc != 0)
        return rc;
    if (hdr->len > XENSTORE_PAYLOAD_MAX)
        return -EPROTO;
    buf = malloc((size_t)hdr->len + 1);
    if (buf == NULL)
        return -ENOMEM;
    rc = read_all(xs->fd, buf, hdr->len);
    if (rc != 0) {
        free(buf);
        return rc;
    }
    buf[hdr->len] = '\0';
    *payload = NULL;
    if (hdr->type == XS_WATCH_EVENT)
        return queue_event(xs, buf, hdr->len);
    *payload = buf;
    return 0;
}

/* The message goes out in one write: the kernel's device wants it whole. */
static int send_request(struct xs *xs, const struct xsd_sockmsg *hdr,
                        const struct xs_part *parts, unsigned int nr_parts)
{
    char buf[sizeof(*hdr) + XENSTORE_PAYLOAD_MAX];
    size_t len = sizeof(*hdr);

    memcpy(buf, hdr, sizeof(*hdr));
    for (unsigned int i = 0; i < nr_parts; i++) {
        if (parts[i].len_bytes > 0)
            memcpy(buf + len, parts[i].data, parts[i].len_bytes);
        len += parts[i].len_bytes;
    }
    return write_all(xs->fd, buf, len);
}

static int await_reply(struct xs *xs, const struct xsd_sockmsg *req,
                       char **payload, size_t *len)
{
    struct xsd_sockmsg hdr;
    int rc;

    do {
        rc = read_message(xs, &hdr, payload);
        if (rc != 0)
            return rc;
    } while (*payload == NULL);

    if (hdr.req_id != req->req_id ||
        (hdr.type != req->type && hdr.type != XS_ERROR)) {
        free(*payload);
        return -EPROTO;
    }
    *len = hdr.len;
    return hdr.type == XS_ERROR ? 1 : 0;
}

int xs_request(struct xs *xs, uint32_t type, uint32_t tx,
               const struct xs_part *parts, unsigned int nr_parts, char **reply,
               size_t *len_bytes)
{
    struct xsd_sockmsg hdr = {.type = type, .tx_id = tx};
    char *payload = NULL;
    size_t total = 0;
    size_t len = 0;
    int rc;

    if (xs->dead != 0)
        return xs->dead;
    for (unsigned int i = 0; i < nr_parts; i++) {
        if (parts[i].len_bytes > XENSTORE_PAYLOAD_MAX - total)
            return -E2BIG;
        total += parts[i].len_bytes;
    }
    hdr.len = (uint32_t)total;
    hdr.req_id = ++xs->next_id;
    rc = send_request(xs, &hdr, parts, nr_parts);
    if (rc == 0)
        rc = await_reply(xs, &hdr, &payload, &len);
    if (rc < 0) {
        xs->dead = rc;
        return rc;
    }
    if (rc == 1) {
        rc = xs_error_parse(payload, len);
        free(payload);
        return rc;
    }
    if (len_bytes != NULL)
        *len_bytes = len;
    if (reply != NULL)
        *reply = payload;
    else
        free(payload);
    return 0;
}

int xs_request_path(struct xs *xs, uint32_t type, uint32_t tx, const char *path,
                    char **reply, size_t *len_bytes)
{
    struct xs_part part = {.data = path, .len_bytes = strlen(path) + 1};

    return xs_request(xs, type, tx, &part, 1, reply, len_bytes);
}

static int pop_event(struct xs *xs, struct xs_event *ev)
{
    struct xs_queued *q = xs->head;

    if (q == NULL)
        return 0;
    xs->head = q->next;
    if (xs->head == NULL)
        xs->tail = &xs->head;
    *ev = q->ev;
    free(q);
    return 1;
}

int xs_wait_event(struct xs *xs, struct xs_event *ev, int timeout_ms)
{
    struct pollfd pfd = {.fd = xs->fd, .events = POLLIN};
    struct xsd_sockmsg hdr;
    char *payload;
    int rc;

    if (xs->head != NULL)
        return pop_event(xs, ev);
    if (xs->dead != 0)
        return xs->dead;
    rc = poll(&pfd, 1, timeout_ms);
    if (rc <= 0)
        return rc == 0 || errno == EINTR ? 0 : -errno;
    rc = read_message(xs, &hdr, &payload);
    if (rc == 0 && payload != NULL) {
        /* A reply to nothing we asked. */
        free(payload);
        rc = -EPROTO;
    }
    if (rc != 0) {
        xs->dead = rc;
        return rc;
    }
    return pop_event(xs, ev);
}

int xs_next_event(struct xs *xs, struct xs_event *ev)
{
    return xs_wait_event(xs, ev, 0);
}
