/* SPDX-License-Identifier: MIT */
/* How many file descriptors a daemon may have: see files.h. */
#include "libs/daemon/files.h"

#include <sys/resource.h>

/* Eight for each of the most domains there can be. */
#define FILES_WANTED (8U * 32768)

void files_raise_limit(void)
{
    const struct rlimit wanted = {FILES_WANTED, FILES_WANTED};
    struct rlimit lim;

    if (getrlimit(RLIMIT_NOFILE, &lim) != 0)
        return;
    /* A kernel's own hard limit is 4096. Root may exceed it. */
    if (lim.rlim_max < FILES_WANTED && setrlimit(RLIMIT_NOFILE, &wanted) == 0)
        return;
    lim.rlim_cur = lim.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &lim);
}
