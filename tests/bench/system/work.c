/* SPDX-License-Identifier: MIT */
/*
 * First program of the machines whose work is counted (tests/bench/system):
 * does each piece of work once to warm up, then between two marks (count.c),
 * and says on the console what it was: "WORK UNITS NAME". Ends the machine.
 *
 * With several=1 in the environment it does pieces at the console's wish, as
 * many at once as there are CPUs; see serve().
 */
#define _GNU_SOURCE /* CPU_SET, unshare */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mark.h"

static void die(const char *what)
{
    printf("WORK FAILED %s: %s\n", what, strerror(errno));
    fflush(stdout);
    reboot(RB_POWER_OFF);
    _exit(1);
}

static void wait_for(pid_t pid)
{
    int status;

    if (pid < 0)
        die("fork");
    if (waitpid(pid, &status, 0) != pid || status)
        die("child");
}

/* ---- the pieces of work: each does `n` units ---- */

static void do_syscall(unsigned int n)
{
    while (n--)
        syscall(SYS_getppid);
}

static void do_fork(unsigned int n)
{
    while (n--) {
        pid_t pid = fork();

        if (!pid)
            _exit(0);
        wait_for(pid);
    }
}

static void spawn(const char *program, char *const argv[])
{
    static char *const env[] = {"PATH=/usr/bin:/bin", "TMPDIR=/tmp", NULL};
    pid_t pid = fork();

    if (!pid) {
        execve(program, argv, env);
        _exit(127);
    }
    wait_for(pid);
}

static void do_exec(unsigned int n)
{
    static char *const argv[] = {"hello", NULL};

    while (n--)
        spawn("/usr/bin/hello", argv);
}

static void do_shell(unsigned int n)
{
    static char *const argv[] = {"sh", "-c", "/usr/bin/hello; :", NULL};

    while (n--)
        spawn("/bin/sh", argv);
}

static void bounce(int from, int to, unsigned int n)
{
    char c = 0;

    while (n--)
        if (read(from, &c, 1) != 1 || write(to, &c, 1) != 1)
            die("bounce");
}

static void ping_pong(int mine[2], int theirs[2], unsigned int n)
{
    char c = 0;
    pid_t pid = fork();

    if (!pid) {
        bounce(theirs[0], theirs[1], n);
        _exit(0);
    }
    MARK_BEGIN;
    for (unsigned int i = 0; i < n; i++)
        if (write(mine[1], &c, 1) != 1 || read(mine[0], &c, 1) != 1)
            die("ping");
    MARK_END;
    wait_for(pid);
}

static void do_pipe(unsigned int n)
{
    int there[2], back[2];

    if (pipe(there) || pipe(back))
        die("pipe");
    ping_pong((int[]){back[0], there[1]}, (int[]){there[0], back[1]}, n);
    close(there[0]), close(there[1]), close(back[0]), close(back[1]);
}

static void do_socket(unsigned int n)
{
    int s[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, s))
        die("socketpair");
    ping_pong((int[]){s[0], s[0]}, (int[]){s[1], s[1]}, n);
    close(s[0]), close(s[1]);
}

/* A token goes around a ring of processes: n steps. */
static void ring(unsigned int members, unsigned int n)
{
    unsigned int rounds = n / members;
    int first[2], in, next[2];
    char c = 0;

    if (pipe(first))
        die("pipe");
    in = first[0];
    for (unsigned int i = 1; i < members; i++) {
        if (pipe(next))
            die("pipe");
        if (!fork()) {
            bounce(in, next[1], rounds);
            _exit(0);
        }
        close(next[1]);
        if (in != first[0])
            close(in);
        in = next[0];
    }
    MARK_BEGIN;
    for (unsigned int i = 0; i < rounds; i++)
        if (write(first[1], &c, 1) != 1 || read(in, &c, 1) != 1)
            die("ring");
    MARK_END;
    for (unsigned int i = 1; i < members; i++)
        wait(NULL);
    close(first[0]), close(first[1]);
    close(in);
}

static void do_ring2(unsigned int n)
{
    ring(2, n);
}
static void do_ring8(unsigned int n)
{
    ring(8, n);
}
static void do_ring16(unsigned int n)
{
    ring(16, n);
}

#define PAGE 4096u

static void *map(size_t bytes, int fd)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, 0);

    if (p == MAP_FAILED)
        die("mmap");
    return p;
}

static void touch(volatile char *p, unsigned int pages)
{
    for (unsigned int i = 0; i < pages; i++)
        p[(size_t)i * PAGE] = 1;
}

/* Only the touching is counted. */
static void do_sweep(unsigned int n)
{
    size_t bytes = (size_t)n * PAGE;
    void *p = map(bytes, -1);

    MARK_BEGIN;
    touch(p, n);
    MARK_END;
    munmap(p, bytes);
}

static void do_shared_sweep(unsigned int n)
{
    size_t bytes = (size_t)n * PAGE;
    int fd = open("/tmp/swept", O_RDWR | O_CREAT, 0600);
    void *p;

    if (fd < 0 || ftruncate(fd, (off_t)bytes))
        die("swept");
    p = map(bytes, fd);
    touch(p, n); /* the pages of the file */
    munmap(p, bytes);
    p = map(bytes, fd);
    MARK_BEGIN;
    touch(p, n);
    MARK_END;
    munmap(p, bytes);
    close(fd);
    unlink("/tmp/swept");
}

/* After a fork the first write to each page copies it. */
static void do_copy_sweep(unsigned int n)
{
    size_t bytes = (size_t)n * PAGE;
    void *p = map(bytes, -1);
    pid_t pid;

    touch(p, n);
    pid = fork();
    if (!pid) {
        MARK_BEGIN;
        touch(p, n);
        MARK_END;
        _exit(0);
    }
    wait_for(pid);
    munmap(p, bytes);
}

static void do_mmap(unsigned int n)
{
    while (n--) {
        void *p = map(16 * PAGE, -1);

        touch(p, 16);
        munmap(p, 16 * PAGE);
    }
}

static void do_mprotect(unsigned int n)
{
    void *p = map(16 * PAGE, -1);

    touch(p, 16);
    MARK_BEGIN;
    while (n--) {
        mprotect(p, 16 * PAGE, PROT_READ);
        mprotect(p, 16 * PAGE, PROT_READ | PROT_WRITE);
    }
    MARK_END;
    munmap(p, 16 * PAGE);
}

static void do_files(unsigned int n)
{
    static char text[1024];
    char name[32];

    for (unsigned int i = 0; i < n; i++) {
        int fd;

        snprintf(name, sizeof(name), "/tmp/f%u", i);
        fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
        if (fd < 0 || write(fd, text, sizeof(text)) != sizeof(text))
            die(name);
        close(fd);
    }
    for (unsigned int i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "/tmp/f%u", i);
        unlink(name);
    }
}

static void do_compile(unsigned int n)
{
    static char *const argv[] = {COMPILER,     "-O1",   "-o",
                                 "/tmp/small", "-pipe", "/usr/share/small.c",
                                 NULL};

    while (n--)
        spawn(COMPILER, argv);
}

static void do_gzip(unsigned int n)
{
    static char *const argv[] = {"sh", "-c", "gzip -c /bin/busybox >/tmp/gz",
                                 NULL};

    while (n--)
        spawn("/bin/sh", argv);
}

/* ---- */

/* A ping-pong whose other end is on the next CPU. */
static unsigned int my_cpu, nr_cpus = 1;

static void stay_on(unsigned int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu % nr_cpus, &set);
    if (sched_setaffinity(0, sizeof(set), &set))
        die("sched_setaffinity");
}

static void do_far_pipe(unsigned int n)
{
    int there[2], back[2];
    char c = 0;
    pid_t pid;

    if (pipe(there) || pipe(back))
        die("pipe");
    pid = fork();
    if (!pid) {
        stay_on(my_cpu + 1);
        bounce(there[0], back[1], n);
        _exit(0);
    }
    for (unsigned int i = 0; i < n; i++)
        if (write(there[1], &c, 1) != 1 || read(back[0], &c, 1) != 1)
            die("ping");
    wait_for(pid);
    close(there[0]), close(there[1]), close(back[0]), close(back[1]);
}

static const struct work {
    const char *name;
    void (*run)(unsigned int n);
    unsigned int units;
    int marks_itself;
} works[] = {
    {"system call", do_syscall, 2000, 0},
    {"fork+exit", do_fork, 50, 0},
    {"fork+exec+exit", do_exec, 30, 0},
    {"sh -c hello", do_shell, 20, 0},
    {"pipe ping-pong", do_pipe, 500, 1},
    {"socket ping-pong", do_socket, 500, 1},
    {"context switch, 2 processes", do_ring2, 800, 1},
    {"context switch, 8 processes", do_ring8, 800, 1},
    {"context switch, 16 processes", do_ring16, 800, 1},
    {"page-fault sweep, per page", do_sweep, 1024, 1},
    {"file-fault sweep, per page", do_shared_sweep, 1024, 1},
    {"copy-on-write sweep, per page", do_copy_sweep, 1024, 1},
    {"mmap, touch, munmap of 16 pages", do_mmap, 100, 0},
    {"mprotect of 16 pages, twice", do_mprotect, 100, 1},
    {"file create+delete", do_files, 200, 0},
    {"gzip of 2 MB", do_gzip, 1, 0},
    {"compile of a small program", do_compile, 1, 0},
};

static void run(const struct work *w, const char *wanted)
{
    if (wanted && strcmp(wanted, w->name))
        return;
    printf("WORK %u %s\n", w->units, w->name);
    fflush(stdout);
    w->run(w->units >= 10 ? w->units / 10 : w->units);
    MARK_WARM;
    if (w->marks_itself) {
        w->run(w->units);
        return;
    }
    MARK_BEGIN;
    w->run(w->units);
    MARK_END;
}

/* ---- several at once ---- */

static const struct work far_pipe = {"pipe ping-pong between CPUs", do_far_pipe,
                                     0, 0};

static const struct work *work_named(const char *name)
{
    for (unsigned int i = 0; i < sizeof(works) / sizeof(works[0]); i++)
        if (!strcmp(works[i].name, name))
            return &works[i];
    return strcmp(far_pipe.name, name) ? NULL : &far_pipe;
}

/* One of the copies: with a CPU and a /tmp of its own it says that it is
 * ready, and begins when the other pipe is closed. */
static void copy(const struct work *w, unsigned int units, int ready, int go)
{
    char c = 0;

    stay_on(my_cpu);
    if (unshare(CLONE_NEWNS) ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("tmp", "/tmp", "tmpfs", 0, NULL))
        die("/tmp of its own");
    w->run(units >= 10 ? units / 10 : units);
    if (write(ready, &c, 1) != 1 || read(go, &c, 1) != 0)
        die("start");
    w->run(units);
    _exit(0);
}

/* A copy for each CPU: from the first line to the last that it prints they
 * all work. */
static void at_once(const struct work *w, unsigned int units)
{
    int ready[2], go[2], status;
    char c;

    if (pipe(ready) || pipe(go))
        die("pipe");
    for (my_cpu = 0; my_cpu < nr_cpus; my_cpu++) {
        pid_t pid = fork();

        if (pid < 0)
            die("fork");
        if (!pid) {
            close(go[1]);
            copy(w, units, ready[1], go[0]);
        }
    }
    for (unsigned int i = 0; i < nr_cpus; i++)
        if (read(ready[0], &c, 1) != 1)
            die("ready");
    printf("WORK BEGINS\n");
    close(go[1]);
    for (unsigned int i = 0; i < nr_cpus; i++)
        if (wait(&status) < 0 || status)
            die("copy");
    printf("WORK ENDS\n");
    close(go[0]), close(ready[0]), close(ready[1]);
}

/* Lines "UNITS NAME" say what to do. */
static void serve(void)
{
    char line[80];
    unsigned int units;
    int at;

    nr_cpus = (unsigned int)sysconf(_SC_NPROCESSORS_ONLN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("WORK READY %u\n", nr_cpus);
    while (fgets(line, sizeof(line), stdin)) {
        const struct work *w = NULL;

        line[strcspn(line, "\r\n")] = 0;
        if (sscanf(line, "%u %n", &units, &at) == 1)
            w = work_named(line + at);
        if (!w)
            die(line);
        at_once(w, units);
    }
}

/* The kernel hands on what it does not know of its command line: only=NAME in
 * the environment. */
int main(void)
{
    MARK_MAIN;
    mkdir("/proc", 0755), mkdir("/sys", 0755), mkdir("/tmp", 01777);
    if (mount("proc", "/proc", "proc", 0, NULL) ||
        mount("tmp", "/tmp", "tmpfs", 0, NULL) ||
        mount("dev", "/dev", "devtmpfs", 0, NULL))
        die("mount");
    if (getenv("several"))
        serve();
    for (unsigned int i = 0; i < sizeof(works) / sizeof(works[0]); i++)
        run(&works[i], getenv("only"));
    printf("WORK END\n");
    fflush(stdout);
    reboot(RB_POWER_OFF);
    return 1;
}
