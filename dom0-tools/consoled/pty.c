/* SPDX-License-Identifier: MIT */
/* A pseudo-terminal for programs made for Xen's consoles. */
#include "pty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

/* Raw, or the terminal would echo the guest's output back at it. */
static int make_raw(int fd)
{
    struct termios t;

    if (tcgetattr(fd, &t) != 0)
        return -errno;
    cfmakeraw(&t);
    return tcsetattr(fd, TCSANOW, &t) != 0 ? -errno : 0;
}

static int open_slave(int master, int *slave, char *path, size_t room)
{
    int rc;

    if (unlockpt(master) != 0)
        return -errno;
    rc = ptsname_r(master, path, room);
    if (rc != 0)
        return -rc;
    *slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*slave < 0)
        return -errno;
    rc = make_raw(*slave);
    if (rc != 0)
        close(*slave);
    return rc;
}

int pty_open(int *slave, char *path, size_t room)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    int rc;

    if (master < 0)
        return -errno;
    rc = open_slave(master, slave, path, room);
    if (rc == 0)
        return master;
    close(master);
    return rc;
}
