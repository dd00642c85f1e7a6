/* SPDX-License-Identifier: Apache-2.0
 *
 * signers - see signers.h
 *
 * The keys are read once, when the agent starts: a fault in them keeps it from starting, which is
 * seen, and not from judging some day. */
#include "plugins/self-update/signers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "plugins/self-update/calendar.h"
#include "plugins/self-update/settings.h"

enum {
        FILE_BYTES_MAX = 64 * 1024,
        ENTRIES_MAX = 256,
        SIGNATURE_MAX = 1024, /* of RSA with 8192 bits */
        BASE64_MAX = SIGNATURE_MAX / 3 * 4 + 8,
        STRENGTH_MIN = 112, /* bits: RSA from 2048, curves from 224 */
};

struct signers {
        EVP_PKEY *keys[SIGNERS_MAX];
        size_t n;
};

/* ------------------------------------------------------------------------------------- the keys */

/* The kinds whose way of signing signers.h lays down. */
static bool is_usable(EVP_PKEY *key)
{
        return EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448") ||
               EVP_PKEY_is_a(key, "EC") || EVP_PKEY_is_a(key, "RSA");
}

/* Takes the key over. */
static int add_key(struct signers *signers, const char *path, EVP_PKEY *key,
                   struct ub_error *error)
{
        const char *kind = EVP_PKEY_get0_type_name(key);
        int r = 0;

        if (!is_usable(key))
                r = ub_error_set(error, -EBADMSG, "%s: a key of kind %s cannot be used", path,
                                 kind ? kind : "?");
        else if (EVP_PKEY_get_security_bits(key) < STRENGTH_MIN)
                r = ub_error_set(error, -EBADMSG, "%s: a key %s of %d bits is too weak", path,
                                 kind, EVP_PKEY_get_bits(key));
        else if (signers->n == SIGNERS_MAX)
                r = ub_error_set(error, -EBADMSG, "%s: more than %d keys", path, SIGNERS_MAX);
        if (r < 0)
                EVP_PKEY_free(key);
        else
                signers->keys[signers->n++] = key;
        return r;
}

static int add_block(struct signers *signers, const char *path, const char *name,
                     const unsigned char *data, long length, struct ub_error *error)
{
        EVP_PKEY *key;

        if (strcmp(name, PEM_STRING_PUBLIC) != 0)
                return ub_error_set(error, -EBADMSG, "%s: there is a %s in it, not a PUBLIC KEY",
                                    path, name);
        key = d2i_PUBKEY(NULL, &data, length);
        if (!key)
                return ub_error_set(error, -EBADMSG, "%s: a key in it is damaged", path);
        return add_key(signers, path, key, error);
}

/* All keys of a PEM text. */
static int parse_keys(struct signers *signers, const char *path, const char *text, size_t length,
                      struct ub_error *error)
{
        BIO *bio = BIO_new_mem_buf(text, (int)length);
        size_t before = signers->n;
        unsigned char *data;
        char *header;
        char *name;
        long n;
        int r = 0;

        if (!bio)
                return ub_error_set(error, -ENOMEM, "out of memory");
        ERR_clear_error();
        while (r >= 0 && PEM_read_bio(bio, &name, &header, &data, &n) == 1) {
                r = add_block(signers, path, name, data, n, error);
                OPENSSL_free(name);
                OPENSSL_free(header);
                OPENSSL_free(data);
        }
        /* The end of the text looks like this; anything else is a block that is broken off. */
        if (r >= 0 && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
                r = ub_error_set(error, -EBADMSG, "%s: a key in it is damaged", path);
        if (r >= 0 && signers->n == before)
                r = ub_error_set(error, -EBADMSG,
                                 "%s: no public key in it (PEM, BEGIN PUBLIC KEY)", path);
        ERR_clear_error();
        (void)BIO_free(bio);
        return r;
}

/* Whoever can change the keys can ask for everything. */
static int check_owner(const char *path, const struct stat *st, struct ub_error *error)
{
        if (st->st_mode & 0022)
                return ub_error_set(error, -EPERM, "%s: others may write to it", path);
        if (st->st_uid != 0 && st->st_uid != geteuid())
                return ub_error_set(error, -EPERM, "%s: it belongs to another user", path);
        return 0;
}

static int load_file(struct signers *signers, int fd, const char *path, struct ub_error *error)
{
        char *text = malloc(FILE_BYTES_MAX);
        ssize_t length;
        int r;

        if (!text)
                return ub_error_set(error, -ENOMEM, "out of memory");
        length = read(fd, text, FILE_BYTES_MAX);
        if (length < 0)
                r = ub_error_set(error, -errno, "%s: %s", path, strerror(errno));
        else if (length == FILE_BYTES_MAX)
                r = ub_error_set(error, -E2BIG, "%s: too large for keys", path);
        else
                r = parse_keys(signers, path, text, (size_t)length, error);
        free(text);
        return r;
}

static int load_path(struct signers *signers, const char *path, bool is_top,
                     struct ub_error *error);

static bool is_key_file(const char *name)
{
        size_t length = strlen(name);

        return name[0] != '.' && length > 4 && strcmp(name + length - 4, ".pem") == 0;
}

/* Takes the descriptor over. */
static int load_folder(struct signers *signers, int take_fd, const char *path,
                       struct ub_error *error)
{
        DIR *dir = fdopendir(take_fd);
        size_t before = signers->n;
        const struct dirent *entry;
        char file[PATH_MAX];
        int n = 0;
        int r = 0;

        if (!dir) {
                (void)close(take_fd);
                return ub_error_set(error, -ENOMEM, "out of memory");
        }
        while (r >= 0 && n++ < ENTRIES_MAX && (entry = readdir(dir)) != NULL) {
                if (!is_key_file(entry->d_name))
                        continue;
                (void)snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
                r = load_path(signers, file, false, error);
        }
        (void)closedir(dir);
        if (r >= 0 && n > ENTRIES_MAX)
                return ub_error_set(error, -E2BIG, "%s: more than %d files", path, ENTRIES_MAX);
        if (r >= 0 && signers->n == before)
                return ub_error_set(error, -EBADMSG, "%s: no keys in it (*.pem)", path);
        return r;
}

static int load_path(struct signers *signers, const char *path, bool is_top,
                     struct ub_error *error)
{
        struct stat st;
        int fd;
        int r;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe does not hold it up */
        if (fd < 0)
                return ub_error_set(error, -errno, "%s: %s", path, strerror(errno));
        r = fstat(fd, &st) < 0 ? ub_error_set(error, -errno, "%s: %s", path, strerror(errno))
                               : check_owner(path, &st, error);
        if (r >= 0 && S_ISDIR(st.st_mode) && is_top)
                return load_folder(signers, fd, path, error);
        if (r >= 0)
                r = S_ISREG(st.st_mode)
                            ? load_file(signers, fd, path, error)
                            : ub_error_set(error, -EBADMSG, "%s: no file with keys", path);
        (void)close(fd);
        return r;
}

int signers_load(const struct settings_list *paths, struct ub_error *error, struct signers **ret)
{
        struct signers *signers = calloc(1, sizeof(*signers));
        size_t i;
        int r = 0;

        if (!signers)
                return ub_error_set(error, -ENOMEM, "out of memory");
        for (i = 0; i < paths->n && r >= 0; i++)
                r = load_path(signers, paths->text[i], true, error);
        if (r >= 0 && signers->n == 0)
                r = ub_error_set(error, -EBADMSG, "no keys");
        if (r >= 0)
                *ret = signers;
        else
                (void)signers_free(signers);
        return r;
}

struct signers *signers_free(struct signers *signers)
{
        size_t i;

        for (i = 0; signers && i < signers->n; i++)
                EVP_PKEY_free(signers->keys[i]);
        free(signers);
        return NULL;
}

size_t signers_count(const struct signers *signers)
{
        return signers->n;
}

/* ------------------------------------------------------------------------------------- the text */

/* A value with a newline could look like two lines, and so sign another request. */
static bool has_control(const char *text)
{
        for (; *text; text++)
                if ((unsigned char)*text < ' ' || *text == 0x7f)
                        return true;
        return false;
}

int signers_write(const struct claim *claim, struct ub_error *error, char **ret)
{
        const struct {
                const char *name;
                const char *value;
        } lines[] = {
                { "activity", claim->activity }, { "domain", claim->domain },
                { "component", claim->component }, { "version", claim->version },
                { "image", claim->image }, { "sha256", claim->sha256 },
                { "size", claim->size }, { "expires", claim->expires },
        };
        char *text = NULL;
        size_t length;
        FILE *f = open_memstream(&text, &length);
        bool failed;
        size_t i;

        if (!f)
                return ub_error_set(error, -ENOMEM, "out of memory");
        (void)fputs("update-broker request 1\n", f); /* checked below */
        for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
                const char *value = lines[i].value ? lines[i].value : "";

                if (has_control(value)) {
                        (void)fclose(f);
                        free(text);
                        return ub_error_set(error, -EBADMSG, "%s holds a control character",
                                            lines[i].name);
                }
                (void)fprintf(f, "%s: %s\n", lines[i].name, value);
        }
        failed = ferror(f);
        if (fclose(f) != 0 || failed) {
                free(text);
                return ub_error_set(error, -ENOMEM, "out of memory");
        }
        *ret = text;
        return 0;
}

/* ------------------------------------------------------------------------------------- the time */

/* "+01:00" behind the seconds; Z: 0. */
static int parse_offset(const char *text, int64_t *ret)
{
        int hours;
        int minutes;

        if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0) {
                *ret = 0;
                return 0;
        }
        if ((text[0] != '+' && text[0] != '-') || strlen(text) != 6 || text[3] != ':' ||
            strspn(text + 1, "0123456789") != 2 || strspn(text + 4, "0123456789") != 2)
                return -EBADMSG;
        hours = (text[1] - '0') * 10 + text[2] - '0';
        minutes = (text[4] - '0') * 10 + text[5] - '0';
        if (hours > 23 || minutes > 59)
                return -EBADMSG;
        *ret = (text[0] == '-' ? -60 : 60) * (hours * 60 + minutes);
        return 0;
}

/* RFC 3339: "2027-01-31T12:00:00Z" */
static int parse_time(const char *text, int64_t *ret)
{
        struct tm tm = { .tm_mday = 1 };
        const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
        int64_t offset;

        if (!end || end - text != 19)
                return -EBADMSG;
        if (*end == '.') {
                size_t n = strspn(end + 1, "0123456789");

                if (n == 0)
                        return -EBADMSG;
                end += 1 + n;
        }
        if (parse_offset(end, &offset) < 0)
                return -EBADMSG;
        *ret = calendar_seconds(&tm) - offset;
        return 0;
}

/* -------------------------------------------------------------------------------- the signature */

/* Returns the length, or -EBADMSG. */
static int decode(const char *base64, unsigned char buf[BASE64_MAX])
{
        size_t length = strlen(base64);
        int n;

        if (length == 0 || length % 4 || length > BASE64_MAX - 4)
                return -EBADMSG;
        n = EVP_DecodeBlock(buf, (const unsigned char *)base64, (int)length);
        if (n < 0)
                return -EBADMSG;
        /* OpenSSL counts what was padded. */
        return n - (base64[length - 1] == '=') - (base64[length - 2] == '=');
}

/* 1: this key has made it.  0: it has not.  -ENOMEM */
static int verify(EVP_PKEY *key, const char *text, const unsigned char *signature, size_t length)
{
        bool is_pure = EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448");
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        int r;

        if (!ctx)
                return -ENOMEM;
        r = EVP_DigestVerifyInit_ex(ctx, NULL, is_pure ? NULL : "SHA256", NULL, NULL, key, NULL);
        if (r == 1)
                r = EVP_DigestVerify(ctx, signature, length, (const unsigned char *)text,
                                     strlen(text));
        EVP_MD_CTX_free(ctx);
        ERR_clear_error();
        return r == 1;
}

/* A request does not say whose key it is: with so few they are all tried. */
static int find_signer(const struct signers *signers, const char *text,
                       const unsigned char *signature, size_t length)
{
        size_t i;
        int r = 0;

        for (i = 0; i < signers->n && r == 0; i++)
                r = verify(signers->keys[i], text, signature, length);
        return r;
}

int signers_check(const struct signers *signers, const struct claim *claim, const char *signature,
                  struct ub_error *error, int64_t *ret_expires)
{
        unsigned char buf[BASE64_MAX];
        int64_t expires;
        char *text;
        int length;
        int r;

        if (!signature || !*signature)
                return ub_error_set(error, -EPERM, "The request is not signed.");
        if (!claim->expires)
                return ub_error_set(error, -EPERM, "The request does not say when it expires.");
        if (parse_time(claim->expires, &expires) < 0)
                return ub_error_set(error, -EPERM, "expires: \"%.64s\" is no time like "
                                    "2027-01-31T12:00:00Z.", claim->expires);
        length = decode(signature, buf);
        if (length <= 0)
                return ub_error_set(error, -EPERM, "The signature of the request is no base64.");
        r = signers_write(claim, error, &text);
        if (r < 0)
                return r == -EBADMSG ? -EPERM : r;
        r = find_signer(signers, text, buf, (size_t)length);
        free(text);
        if (r < 0)
                return ub_error_set(error, r, "out of memory");
        if (r == 0)
                return ub_error_set(error, -EPERM,
                                    "The signature of the request is of none of the %zu trusted "
                                    "keys, or not of this request.", signers->n);
        *ret_expires = expires;
        return 0;
}
