/* SPDX-License-Identifier: MIT */
/*
 * The runner of step tables.
 */
#include "libs/domain/steps.h"

#include <errno.h>

void steps_undo(const struct step *steps, unsigned int nr, void *arg)
{
    while (nr--)
        if (steps[nr].undo)
            steps[nr].undo(arg);
}

int steps_run(const struct step *steps, unsigned int nr, void *arg,
              bool (*stop)(void), struct errmsg *err)
{
    unsigned int done = 0;

    while (done < nr && !(stop && stop())) {
        int rc = steps[done].run(arg, err);

        if (rc) {
            steps_undo(steps, done, arg);
            return err_wrap(err, rc, "%s", steps[done].name);
        }
        done++;
    }
    if (done == nr && !(stop && stop()))
        return 0;
    steps_undo(steps, done, arg);
    return err_set(err, -EINTR, "interrupted; everything was undone");
}
