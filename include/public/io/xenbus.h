/* SPDX-License-Identifier: MIT */
/* States of the two ends of a device, as written to their "state" nodes. */
#ifndef PUBLIC_IO_XENBUS_H
#define PUBLIC_IO_XENBUS_H

/*
 * InitWait: the backend awaits the frontend's details. Initialised: the
 * frontend has given them.
 */
enum xenbus_state {
    XenbusStateUnknown = 0,
    XenbusStateInitialising = 1,
    XenbusStateInitWait = 2,
    XenbusStateInitialised = 3,
    XenbusStateConnected = 4,
    XenbusStateClosing = 5,
    XenbusStateClosed = 6,
    XenbusStateReconfiguring = 7,
    XenbusStateReconfigured = 8,
};
typedef enum xenbus_state XenbusState;

#endif
