/* SPDX-License-Identifier: MIT */
/* The client's calls about domains, and control commands to the daemon. */
#include "libs/xs/xs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"

#define NUMBER_MAX 24U

static struct xs_part number(char text[NUMBER_MAX], uint64_t v)
{
    int n = snprintf(text, NUMBER_MAX, "%" PRIu64, v);

    return (struct xs_part){.data = text, .len_bytes = (size_t)n + 1};
}

int xs_introduce(struct xs *xs, uint32_t domid, uint64_t mfn, uint32_t port)
{
    char text[3][NUMBER_MAX];
    struct xs_part parts[] = {
        number(text[0], domid),
        number(text[1], mfn),
        number(text[2], port),
    };

    return xs_request(xs, XS_INTRODUCE, 0, parts, 3, NULL, NULL);
}

static int one_domain(struct xs *xs, uint32_t type, uint32_t domid,
                      char **reply)
{
    char text[NUMBER_MAX];
    struct xs_part part = number(text, domid);

    return xs_request(xs, type, 0, &part, 1, reply, NULL);
}

int xs_release(struct xs *xs, uint32_t domid)
{
    return one_domain(xs, XS_RELEASE, domid, NULL);
}

int xs_resume(struct xs *xs, uint32_t domid)
{
    return one_domain(xs, XS_RESUME, domid, NULL);
}

int xs_is_introduced(struct xs *xs, uint32_t domid)
{
    char *reply;
    int rc = one_domain(xs, XS_IS_DOMAIN_INTRODUCED, domid, &reply);

    if (rc != 0)
        return rc;
    rc = reply[0] == 'T';
    free(reply);
    return rc;
}

int xs_domain_path(struct xs *xs, uint32_t domid, char **path)
{
    return one_domain(xs, XS_GET_DOMAIN_PATH, domid, path);
}

int xs_set_target(struct xs *xs, uint32_t domid, uint32_t target)
{
    char text[2][NUMBER_MAX];
    struct xs_part parts[] = {number(text[0], domid), number(text[1], target)};

    return xs_request(xs, XS_SET_TARGET, 0, parts, 2, NULL, NULL);
}

int xs_control(struct xs *xs, int argc, const char *const *argv, char **answer)
{
    struct xs_part *parts;
    int rc;

    if (argc < 1)
        return -EINVAL;
    parts = calloc((size_t)argc, sizeof(*parts));
    if (parts == NULL)
        return -ENOMEM;
    for (int i = 0; i < argc; i++) {
        parts[i].data = argv[i];
        parts[i].len_bytes = strlen(argv[i]) + 1;
    }
    rc = xs_request(xs, XS_CONTROL, 0, parts, (unsigned int)argc, answer, NULL);
    free(parts);
    return rc;
}
