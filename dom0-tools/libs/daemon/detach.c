/* SPDX-License-Identifier: MIT */
/* Going to the background: see detach.h. */
#include "libs/daemon/detach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int word = -1;

static void await_word(int fd)
{
    char c;

    exit(read(fd, &c, 1) == 1 ? 0 : 1);
}

static int close_terminal(void)
{
    int fd = open("/dev/null", O_RDWR);

    if (fd < 0)
        return -errno;
    dup2(fd, 0);
    dup2(fd, 1);
    dup2(fd, 2);
    if (fd > 2)
        close(fd);
    return 0;
}

int detach_begin(void)
{
    int pipefd[2];
    pid_t pid;

    if (pipe2(pipefd, O_CLOEXEC) != 0)
        return -errno;
    pid = fork();
    if (pid < 0)
        return -errno;
    if (pid > 0) {
        close(pipefd[1]);
        await_word(pipefd[0]);
    }
    close(pipefd[0]);
    word = pipefd[1];
    setsid();
    return chdir("/") != 0 ? -errno : 0;
}

void detach_ready(void)
{
    if (word < 0)
        return;
    close_terminal();
    if (write(word, "k", 1) != 1)
        exit(1);
    close(word);
    word = -1;
}

int detach_pid_file(const char *path)
{
    FILE *f;

    if (path == NULL)
        return 0;
    f = fopen(path, "we");
    if (f == NULL)
        return -errno;
    fprintf(f, "%d\n", getpid());
    return fclose(f) != 0 ? -errno : 0;
}
