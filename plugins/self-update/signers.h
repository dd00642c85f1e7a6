/* SPDX-License-Identifier: Apache-2.0
 *
 * signers - who may ask for an update: public keys, and what they sign
 *
 * RAUC checks who made a bundle.  That leaves open who asked for it: whoever can write to the MQTT
 * server may have any genuine bundle installed, also a very old one.  With the setting
 * "request.keys" a request counts only when one of those keys has signed this text, of nine lines
 * that each end in a newline:
 *
 *     update-broker request 1
 *     activity: ACTIVITY ID
 *     domain: self-update
 *     component: os-image
 *     version: v2.0
 *     image: https://server/bundle.raucb
 *     sha256: as in the request, nothing behind "sha256: " when it has none
 *     size: likewise
 *     expires: 2027-01-31T12:00:00Z
 *
 * The number of lines is fixed and no value may hold a control character, so that no two requests
 * have the same text.  The signature is base64: of the text itself with Ed25519, of its SHA-256
 * with ECDSA and RSA (PKCS #1 v1.5), as `openssl pkeyutl` and `openssl dgst` make them.
 *
 * That a request is used once, and in time, is not decided here but in machine-identify.c. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <update-broker/sdk/error.h>

enum { SIGNERS_MAX = 32 };

struct settings_list;
struct signers;

/* What is signed.  Texts as they stand in the request; NULL: it has none. */
struct claim {
        const char *activity;
        const char *domain;
        const char *component;
        const char *version;
        const char *image;
        const char *sha256;
        const char *size;
        const char *expires;
};

/* Reads public keys (PEM) from files, and from the *.pem of folders.  A path without a key, a key
 * that is weak or of another kind, a file or folder that others may write, and no keys at all are
 * failures: whoever names keys never ends with a list that lets everybody in.  error names the
 * path.  -EBADMSG, -ENOMEM, or what open(2) reports. */
int signers_load(const struct settings_list *paths, struct ub_error *error, struct signers **ret);

/* Takes NULL and returns NULL. */
struct signers *signers_free(struct signers *signers);

size_t signers_count(const struct signers *signers);

/* The text that is signed; the caller frees *ret.  -EBADMSG: a value that it cannot hold.
 * -ENOMEM. */
int signers_write(const struct claim *claim, struct ub_error *error, char **ret);

/* Was the claim signed by one of the keys?  signature: base64, or NULL.  *ret_expires: in seconds
 * since the epoch.  -EPERM: no, and error says why.  -ENOMEM. */
int signers_check(const struct signers *signers, const struct claim *claim, const char *signature,
                  struct ub_error *error, int64_t *ret_expires);
