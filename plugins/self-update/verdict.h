/* SPDX-License-Identifier: Apache-2.0
 *
 * verdict - what has become of an activated slot, seen from the present boot
 *
 * Pure: what was kept, the id of the present boot, and one look at RAUC.
 *
 *     kept          boot    what runs       verdict
 *     ------------  ------  --------------  -----------------------------------------------------
 *     nothing       any     a normal slot   ORDINARY   this boot may be confirmed
 *     any           any     the rescue      RESCUE     nothing is marked
 *     outstanding   same    -               WAIT       the device has not booted since
 *     outstanding   other   the new slot    TRIAL      is it well?
 *     outstanding   other   the old slot    FELL_BACK  the boot loader gave up on the new one
 *     outstanding   other   another         RESCUE
 *     running       any     as outstanding with another boot
 *     sick          same    the new slot    LEAVE      it has to be left; the boot is still missing
 *     sick          other   as outstanding, but FELL_BACK is no news
 *     good, ...     any     -               ORDINARY
 *
 * An id of the boot that cannot be read counts as another one. */
#pragma once

struct pending;
struct survey;

enum verdict {
        VERDICT_UNKNOWN = 0, /* RAUC does not know what runs */
        VERDICT_ORDINARY,
        VERDICT_WAIT,
        VERDICT_TRIAL,
        VERDICT_FELL_BACK,
        VERDICT_LEAVE,
        VERDICT_RESCUE,
};

enum verdict verdict_find(const struct pending *pending, const char *boot,
                          const struct survey *survey);
