/* SPDX-License-Identifier: Apache-2.0
 *
 * schema - a value against the part of JSON Schema that plugins describe their settings with
 *
 * Looked at: type (a name or an array of names), properties, required, additionalProperties (false,
 * true or a schema), items (a schema for all elements), enum, minimum, maximum, minLength,
 * maxLength, minItems, maxItems.  They mean what JSON Schema says.  Every other keyword is passed
 * over: what a schema cannot say here is checked by the plugin's create().  No $ref, so a check
 * always ends. */
#pragma once

#include <stddef.h>

struct diag;
struct json;

/* Reads a schema and checks that the keywords above have values that they can have; a schema that
 * says nothing by a slip would let every typo pass.  diag names the place in the schema.  0;
 * -EBADMSG, -E2BIG, -ENOMEM. */
int schema_parse(const char *text, size_t length, struct diag *diag, struct json **ret);

/* Called for each fault: the JSON pointer of the value, in the order of the value's text.  For an
 * unknown member it is that member, for a missing one the object that lacks it.  Both texts are
 * borrowed. */
typedef void (*schema_fault_fn)(void *data, const char *pointer, const char *text);

/* Checks all of the value; schema is one that schema_parse() made.
 * The number of faults reported, or -ENOMEM. */
int schema_check(const struct json *schema, const struct json *value, schema_fault_fn fn,
                 void *data);
