/* SPDX-License-Identifier: MIT */
/* The socket on which programs attach to one domain's console. */
#include "attach.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "libs/console/console.h"

static void socket_path(uint32_t domid, struct sockaddr_un *addr)
{
    addr->sun_family = AF_UNIX;
    snprintf(addr->sun_path, sizeof(addr->sun_path), "%s/%u.sock", CONSOLE_DIR,
             domid);
}

static int make_dirs(void)
{
    char dir[] = CONSOLE_DIR;
    char *last = strrchr(dir, '/');

    *last = '\0';
    if (mkdir(dir, 0755) != 0 && errno != EEXIST)
        return -errno;
    *last = '/';
    return mkdir(dir, 0700) != 0 && errno != EEXIST ? -errno : 0;
}

int attach_listen(uint32_t domid)
{
    struct sockaddr_un addr = {0};
    int rc = make_dirs();
    int fd;

    if (rc != 0)
        return rc;
    socket_path(domid, &addr);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    unlink(addr.sun_path);
    if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 ||
        chmod(addr.sun_path, 0600) != 0 || listen(fd, 8) != 0) {
        rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

void attach_unlink(uint32_t domid)
{
    struct sockaddr_un addr = {0};

    socket_path(domid, &addr);
    unlink(addr.sun_path);
}
