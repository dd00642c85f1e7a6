/* SPDX-License-Identifier: Apache-2.0
 *
 * symbols - what a shared object shows to the dynamic linker
 *
 * Read from the file with libelf; nothing of the object runs. */
#pragma once

#include <stdbool.h>

struct diag;

enum { SYMBOLS_NAMES_MAX = 512 };

struct symbols {
        bool has_entry;                  /* defines and exports UB_PLUGIN_ENTRY as a function */
        unsigned others;                 /* further exported symbols */
        char names[SYMBOLS_NAMES_MAX];   /* of those, "a, b, ..." and cut when too long */
        bool no_delete;                  /* DF_1_NODELETE: linked with -z nodelete */
        bool bind_now;                   /* DF_BIND_NOW or DF_1_NOW: linked with -z now */
        bool text_relocations;           /* DF_TEXTREL: not position independent */
        char libraries[SYMBOLS_NAMES_MAX]; /* DT_NEEDED, "a, b, ..." */
};

/* -ENOEXEC: not an ELF shared object; else what open(2) reports. */
int symbols_read(const char *path, struct diag *diag, struct symbols *ret);
