/* SPDX-License-Identifier: Apache-2.0
 *
 * verify - is a file what it is said to be, and does it come from whom we trust?
 *
 * For the worker's thread: both read the whole file. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <update-broker/sdk/error.h>

enum { VERIFY_HEX_SIZE = 65 };

/* The SHA-256 of a file from its first byte on, in small letters.  cancel (may be NULL): true ends
 * it with -ECANCELED. */
int verify_digest(int fd, const atomic_bool *cancel, char hex[VERIFY_HEX_SIZE],
                  struct ub_error *error);

/* Checks a detached CMS signature, DER or PEM, of a file against the certificates in ca_file (PEM).
 * The signer's certificate comes with the signature; if it says what it may be used for, that has
 * to include the signing of code or of messages.  -EKEYREJECTED and the cause; -ENOMEM. */
int verify_signature(int fd, const char *signature, size_t length, const char *ca_file,
                     struct ub_error *error);
