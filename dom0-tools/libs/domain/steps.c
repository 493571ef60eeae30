/* SPDX-License-Identifier: MIT */
/*
 * The runner of step tables.
 */
#include "libs/domain/steps.h"

void steps_undo(const struct step *steps, unsigned int nr, void *arg)
{
    while (nr--)
        if (steps[nr].undo)
            steps[nr].undo(arg);
}

int steps_run(const struct step *steps, unsigned int nr, void *arg,
              struct errmsg *err)
{
    for (unsigned int i = 0; i < nr; i++) {
        int rc = steps[i].run(arg, err);

        if (rc) {
            steps_undo(steps, i, arg);
            return err_wrap(err, rc, "%s", steps[i].name);
        }
    }
    return 0;
}
