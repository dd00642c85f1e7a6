/* SPDX-License-Identifier: Apache-2.0
 *
 * merge - JSON Merge Patch (RFC 7396): objects merge, null removes, everything else replaces
 *
 * A consequence that conf.d builds on: in the result of several patches, a value that is no object
 * stands as the last patch that has something at its pointer wrote it. */
#pragma once

struct json;

/* Applies the patch to *target, which may be NULL or any value and is the caller's root.  *target
 * may be another root afterwards.  Costs members of the target times members of the patch, level by
 * level: texts are limited where they come in.  0; -ENOMEM: *target is partly patched and good for
 * json_free() only. */
int merge_patch(struct json **target, const struct json *patch);
