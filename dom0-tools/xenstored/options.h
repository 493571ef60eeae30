/* SPDX-License-Identifier: MIT */
/* The daemon's command line. */
#ifndef XENSTORED_OPTIONS_H
#define XENSTORED_OPTIONS_H

#include <stdbool.h>

#include "quota.h"

struct options {
    bool foreground;
    bool no_domains;
    const char *pid_file;
    const char *log_file;
    const char *socket_dir;
    const char *dom0_name;
    struct quotas quotas;
};

/* Fills in *o; prints and exits for --help, --version and mistakes. */
void options_parse(struct options *o, int argc, char **argv);

#endif
