/* SPDX-License-Identifier: MIT */
/*
 * Disk and network of a guest whose instructions are counted
 * (tests/bench/system): each piece of work once to warm up, then between two
 * marks. Says on the console what it was: "IO BYTES REQUESTS NAME".
 *
 *   io disk NAME SUFFIX   in the guest: reads and writes past all caches
 *   io net ADDRESS        in the guest: talks to `io peer` there
 *   io peer               in dom0
 *
 * For the trace (calls.c) both ends of a piece are marked by what nothing else
 * does: a call that both hypervisors' traces tell from others.
 */
#define _GNU_SOURCE /* O_DIRECT */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mark.h"

#define KIB  1024u
#define MIB  (KIB * KIB)
#define PORT 5000

static void die(const char *what)
{
    printf("IO FAILED %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- marks for the trace ---- */

/* The driver's ABI: what IOCTL_GNTDEV_MAP_GRANT_REF takes. */
#define MARK_GRANTS 77 /* calls.c */
struct map_grant_ref {
    uint32_t count, pad;
    uint64_t index; /* out: where to mmap */
    struct {
        uint32_t domid, ref;
    } refs[MARK_GRANTS];
};
#define MAP_GRANT_REF _IOC(_IOC_NONE, 'G', 0, 24)

/* An attempt to map so many grants of dom0's, none of which there is. */
static void trace_mark(void)
{
    struct map_grant_ref map = {.count = MARK_GRANTS};
    int fd = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);

    for (unsigned int i = 0; i < MARK_GRANTS; i++)
        map.refs[i].ref = 1000000 + i;
    if (fd < 0 || ioctl(fd, MAP_GRANT_REF, &map))
        die("/dev/xen/gntdev");
    if (mmap(NULL, MARK_GRANTS * 4096, PROT_READ, MAP_SHARED, fd,
             (off_t)map.index) != MAP_FAILED)
        die("grants that are none");
    close(fd);
}

/* ---- what the kernel counted ---- */

static uint64_t number_in(const char *path, unsigned int word)
{
    uint64_t n = 0;
    FILE *f = fopen(path, "r");

    if (!f)
        die(path);
    while (word--)
        if (fscanf(f, "%*s") == EOF)
            die(path);
    if (fscanf(f, "%" SCNu64, &n) != 1)
        die(path);
    fclose(f);
    return n;
}

static const char *disk_name;

/* Requests that the disk has completed: reads and writes. */
static uint64_t disk_requests(void)
{
    char path[64];

    snprintf(path, sizeof(path), "/sys/block/%.16s/stat", disk_name);
    return number_in(path, 0) + number_in(path, 4);
}

/* Packets; a large one of several slots of the ring is one. */
static uint64_t packets(void)
{
    return number_in("/sys/class/net/eth0/statistics/rx_packets", 0) +
           number_in("/sys/class/net/eth0/statistics/tx_packets", 0);
}

/* ---- a piece of work ---- */

struct piece {
    const char *name;
    void (*run)(const struct piece *p, unsigned int n);
    unsigned int times, bytes;
    uint64_t (*requests)(void);
};

static void measure(const struct piece *p, const char *suffix)
{
    uint64_t before, after;

    p->run(p, p->times / 4);
    before = p->requests();
    trace_mark();
    MARK_WARM;
    MARK_BEGIN;
    p->run(p, p->times);
    MARK_END;
    trace_mark();
    after = p->requests();
    printf("IO %" PRIu64 " %" PRIu64 " %s%s\n", (uint64_t)p->times * p->bytes,
           after - before, p->name, suffix);
    fflush(stdout);
}

/* ---- disk ---- */

static int disk;
static char *buffer;

static void read_disk(const struct piece *p, unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
        if (pread(disk, buffer, p->bytes, (off_t)i * p->bytes) !=
            (ssize_t)p->bytes)
            die(p->name);
}

static void write_disk(const struct piece *p, unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
        if (pwrite(disk, buffer, p->bytes, (off_t)i * p->bytes) !=
            (ssize_t)p->bytes)
            die(p->name);
}

static const struct piece disk_pieces[] = {
    {"disk read, 4 KiB at a time", read_disk, 400, 4 * KIB, disk_requests},
    {"disk write, 4 KiB at a time", write_disk, 400, 4 * KIB, disk_requests},
    {"disk read, 1 MiB at a time", read_disk, 32, MIB, disk_requests},
    {"disk write, 1 MiB at a time", write_disk, 32, MIB, disk_requests},
};

static void run_disk(const char *name, const char *suffix)
{
    char path[32];

    disk_name = name;
    snprintf(path, sizeof(path), "/dev/%.16s", name);
    disk = open(path, O_RDWR | O_DIRECT);
    if (disk < 0)
        die(path);
    buffer = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (buffer == MAP_FAILED)
        die("mmap");
    for (size_t i = 0; i < sizeof(disk_pieces) / sizeof(disk_pieces[0]); i++)
        measure(&disk_pieces[i], suffix);
}

/* ---- network ---- */

/* What a client asks for, then the bytes in the one or the other direction. */
struct order {
    uint32_t send, receive;
};

static int stream, datagrams;

static void all(ssize_t (*call)(int, void *, size_t), int fd, size_t bytes,
                const char *what)
{
    static char data[64 * KIB];

    while (bytes) {
        ssize_t n = call(fd, data, bytes < sizeof(data) ? bytes : sizeof(data));

        if (n <= 0)
            die(what);
        bytes -= (size_t)n;
    }
}

static ssize_t write_some(int fd, void *data, size_t bytes)
{
    return write(fd, data, bytes);
}

static void order(uint32_t send, uint32_t receive)
{
    struct order o = {send, receive};

    if (write(stream, &o, sizeof(o)) != sizeof(o))
        die("order");
    all(write_some, stream, send, "send");
    all(read, stream, receive, "receive");
}

static void send_stream(const struct piece *p, unsigned int n)
{
    order(n * p->bytes, 1); /* a byte says that all has come */
}

static void receive_stream(const struct piece *p, unsigned int n)
{
    order(0, n * p->bytes);
}

static void ping(const struct piece *p, unsigned int n)
{
    char c = 0;

    while (n--)
        if (write(datagrams, &c, 1) != 1 || read(datagrams, &c, 1) != 1)
            die(p->name);
}

static const struct piece net_pieces[] = {
    {"TCP, guest to dom0", send_stream, 128, 64 * KIB, packets},
    {"TCP, dom0 to guest", receive_stream, 128, 64 * KIB, packets},
    {"UDP ping-pong", ping, 400, 2, packets},
};

static int open_socket(int type, const char *address)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    struct timeval limit = {.tv_sec = 20};
    int one = 1, fd = socket(AF_INET, type, 0);

    if (fd < 0)
        die("socket");
    if (address) {
        inet_pton(AF_INET, address, &to.sin_addr);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
            die("connect");
    } else if (bind(fd, (struct sockaddr *)&to, sizeof(to))) {
        die("bind");
    }
    if (type == SOCK_STREAM)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

static void run_net(const char *address)
{
    stream = open_socket(SOCK_STREAM, address);
    datagrams = open_socket(SOCK_DGRAM, address);
    for (size_t i = 0; i < sizeof(net_pieces) / sizeof(net_pieces[0]); i++)
        measure(&net_pieces[i], "");
}

/* ---- dom0's side ---- */

static void serve_datagrams(void)
{
    int fd = open_socket(SOCK_DGRAM, NULL);

    for (;;) {
        struct sockaddr_in from;
        socklen_t len = sizeof(from);
        char data[64];
        ssize_t n =
            recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &len);

        if (n < 0 ||
            sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&from, len) != n)
            die("datagram");
    }
}

static void serve(void)
{
    int fd = open_socket(SOCK_STREAM, NULL);

    if (listen(fd, 1))
        die("listen");
    if (!fork())
        serve_datagrams();
    stream = accept(fd, NULL, NULL);
    if (stream < 0)
        die("accept");
    for (;;) {
        struct order o;

        if (read(stream, &o, sizeof(o)) != sizeof(o))
            break;
        all(read, stream, o.send, "receive");
        all(write_some, stream, o.receive, "send");
    }
}

int main(int argc, char **argv)
{
    if (argc == 4 && !strcmp(argv[1], "disk"))
        run_disk(argv[2], argv[3]);
    else if (argc == 3 && !strcmp(argv[1], "net"))
        run_net(argv[2]);
    else if (argc == 2 && !strcmp(argv[1], "peer"))
        serve();
    else
        return 2;
    return 0;
}
