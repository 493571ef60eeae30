/* SPDX-License-Identifier: MIT */
/*
 * One error line on its way to the user: what failed, on what, why, and, if
 * there is one, what to do about it. Functions return 0 or -Exxx and fill the
 * text; the caller that talks to the user prints it, nobody in between does.
 */
#ifndef TOOLS_IMAGE_ERRMSG_H
#define TOOLS_IMAGE_ERRMSG_H

struct errmsg {
    char text[512];
    char hint[256];
};

/* Set the text, replacing any earlier one. Returns rc, for `return err_set`. */
__attribute__((format(printf, 3, 4))) int err_set(struct errmsg *e, int rc,
                                                  const char *fmt, ...);

/* Put "what: " in front of the text that is there. Returns rc. */
__attribute__((format(printf, 3, 4))) int err_wrap(struct errmsg *e, int rc,
                                                   const char *fmt, ...);

/* Set the advice that goes with the text. */
__attribute__((format(printf, 2, 3))) void err_hint(struct errmsg *e,
                                                    const char *fmt, ...);

#endif
