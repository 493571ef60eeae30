/* SPDX-License-Identifier: MIT */
/*
 * The small hypercalls: version, assists, multicall, console, unknown numbers.
 */
#include <kit/console.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>

static void version_number(void)
{
    EXPECT_EQ(hc_xen_version(XENVER_version, NULL), (4 << 16) | 17);
}

static const struct test tests[] = {
    {"version number", version_number},
};

void kit_main(void)
{
    tests_run(tests, ARRAY_SIZE(tests));
}
