/* SPDX-License-Identifier: MIT */
/*
 * Moves a known stream of bytes through a disk or a TCP connection and checks
 * every byte of it. The stream is a sequence of 64-bit words, each a function
 * of the seed and its own position: a block that is stale, lost, swapped or
 * shifted shows as the first wrong word with its offset.
 *
 *   stream write FILE SEED BYTES     direct I/O if the file allows, then fsync
 *   stream check FILE SEED BYTES
 *   stream listen PORT send|recv SEED BYTES     one connection, then ends
 *   stream connect ADDR PORT send|recv SEED BYTES
 *
 * Each ends with a line "stream: N bytes, checksum X" and status 0, or says
 * what is wrong and ends with 1. Built static: it runs in dom0, in guests and
 * on the host.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK (256u << 10)

static uint64_t buffer[CHUNK / 8] __attribute__((aligned(4096)));

struct stream {
    uint64_t seed, total, done, checksum;
};

static void die(const char *what)
{
    fprintf(stderr, "stream: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* A word that depends on all bits of seed and position (splitmix64). */
static uint64_t word_at(uint64_t seed, uint64_t index)
{
    uint64_t x = seed * 0x9e3779b97f4a7c15u + index * 0xd1342543de82ef95u;

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static void account(struct stream *s, uint64_t word)
{
    s->checksum = (s->checksum ^ word) * 0x100000001b3u;
}

static size_t next_chunk(const struct stream *s)
{
    uint64_t left = s->total - s->done;

    return left < CHUNK ? (size_t)left : CHUNK;
}

static void fill(struct stream *s, size_t bytes)
{
    for (size_t i = 0; i < bytes / 8; i++) {
        buffer[i] = word_at(s->seed, s->done / 8 + i);
        account(s, buffer[i]);
    }
    s->done += bytes;
}

static void verify(struct stream *s, size_t bytes)
{
    for (size_t i = 0; i < bytes / 8; i++) {
        uint64_t want = word_at(s->seed, s->done / 8 + i);

        if (buffer[i] != want) {
            fprintf(stderr,
                    "stream: wrong at byte %" PRIu64 ": %016" PRIx64
                    ", not %016" PRIx64 "\n",
                    s->done + i * 8, buffer[i], want);
            exit(1);
        }
        account(s, want);
    }
    s->done += bytes;
}

static void put_all(int fd, size_t bytes)
{
    const char *p = (const char *)buffer;

    while (bytes) {
        ssize_t n = write(fd, p, bytes);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            die("write");
        p += n;
        bytes -= (size_t)n;
    }
}

static void get_all(int fd, size_t bytes)
{
    char *p = (char *)buffer;

    while (bytes) {
        ssize_t n = read(fd, p, bytes);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            die("read");
        if (n == 0) {
            fprintf(stderr, "stream: ended early\n");
            exit(1);
        }
        p += n;
        bytes -= (size_t)n;
    }
}

static void produce(struct stream *s, int fd)
{
    while (s->done < s->total) {
        size_t bytes = next_chunk(s);

        fill(s, bytes);
        put_all(fd, bytes);
    }
}

static void consume(struct stream *s, int fd)
{
    while (s->done < s->total) {
        size_t bytes = next_chunk(s);

        get_all(fd, bytes);
        verify(s, bytes);
    }
}

static int open_file(const char *path, int flags)
{
    int fd = open(path, flags | O_DIRECT | O_CLOEXEC, 0644);

    if (fd < 0 && errno == EINVAL)
        fd = open(path, flags | O_CLOEXEC, 0644);
    if (fd < 0)
        die(path);
    return fd;
}

/* The peer says one byte when it has seen all: "sent" then means "arrived". */
static void transfer(struct stream *s, int fd, const char *direction)
{
    char ack = '.';

    if (strcmp(direction, "send") == 0) {
        produce(s, fd);
        if (read(fd, &ack, 1) != 1)
            die("no word from the receiver");
    } else {
        consume(s, fd);
        if (write(fd, &ack, 1) != 1)
            die("acknowledge");
    }
    close(fd);
}

static struct sockaddr_in address(const char *host, const char *port)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(port))};

    if (inet_pton(AF_INET, host, &sa.sin_addr) != 1) {
        fprintf(stderr, "stream: %s is no IPv4 address\n", host);
        exit(1);
    }
    return sa;
}

static int listen_once(const char *port)
{
    struct sockaddr_in sa = address("0.0.0.0", port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
        bind(fd, (struct sockaddr *)&sa, sizeof(sa)) || listen(fd, 1))
        die("listen");
    printf("stream: listening\n");
    fflush(stdout);
    fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        die("accept");
    return fd;
}

static int connect_to(const char *host, const char *port)
{
    struct sockaddr_in sa = address(host, port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
        die(host);
    return fd;
}

static void usage(void)
{
    fprintf(stderr, "usage: stream write|check FILE SEED BYTES\n"
                    "       stream listen PORT send|recv SEED BYTES\n"
                    "       stream connect ADDR PORT send|recv SEED BYTES\n");
    exit(2);
}

int main(int argc, char **argv)
{
    struct stream s = {.checksum = 0xcbf29ce484222325u};
    const char *verb = argc > 1 ? argv[1] : "";
    int fd;

    if (argc < 5)
        usage();
    s.seed = strtoull(argv[argc - 2], NULL, 0);
    s.total = strtoull(argv[argc - 1], NULL, 0);
    if (s.total == 0 || s.total % 512) {
        fprintf(stderr, "stream: BYTES must be a multiple of 512\n");
        return 2;
    }
    if (strcmp(verb, "write") == 0 && argc == 5) {
        fd = open_file(argv[2], O_WRONLY | O_CREAT);
        produce(&s, fd);
        if (fsync(fd) || close(fd))
            die("fsync");
    } else if (strcmp(verb, "check") == 0 && argc == 5) {
        consume(&s, open_file(argv[2], O_RDONLY));
    } else if (strcmp(verb, "listen") == 0 && argc == 6) {
        transfer(&s, listen_once(argv[2]), argv[3]);
    } else if (strcmp(verb, "connect") == 0 && argc == 7) {
        transfer(&s, connect_to(argv[2], argv[3]), argv[4]);
    } else {
        usage();
    }
    printf("stream: %" PRIu64 " bytes, checksum %016" PRIx64 "\n", s.done,
           s.checksum);
    return 0;
}
