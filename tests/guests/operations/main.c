/* SPDX-License-Identifier: MIT */
/*
 * Operations that no other kernel calls with good and with bad arguments:
 * `make coverage` names them. self.c: what a domain does to itself; machine.c:
 * the control domain and the machine; guests.c: the control domain and guests,
 * which are this image once more.
 */
#include "operations.h"

void *at_the_end(size_t len)
{
    static char *page;

    /* The page of the window behind it is never mapped. */
    if (!page) {
        page = window(3);
        if (map_page(page, pte_make(virt_to_mfn(page_alloc()), KERNEL_RW)) ||
            map_page(page + PAGE_SIZE, 0))
            return NULL;
    }
    return page + PAGE_SIZE - len;
}

void kit_main(void)
{
    unsigned int passed = 0, failed = 0;

    if (!(start_info->flags & SIF_INITDOMAIN)) {
        guest_role();
        return;
    }
    tests_run_part(self_tests, nr_self_tests, &passed, &failed);
    tests_run_part(machine_tests, nr_machine_tests, &passed, &failed);
    tests_run_with(guest_tests, nr_guest_tests, &passed, &failed);
}
