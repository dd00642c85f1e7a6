/* SPDX-License-Identifier: Apache-2.0
 *
 * verify - see verify.h */
#include "plugins/files/verify.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* Before cms.h, which declares what is about PEM only behind it. */
#include <openssl/pem.h>

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "plugins/files/scope.h"

enum { READ_BYTES = 64 * 1024 };

static void free_md(EVP_MD_CTX **md)
{
        EVP_MD_CTX_free(*md);
}

static void free_bio(BIO **bio)
{
        BIO_free_all(*bio);
}

static void free_cms(CMS_ContentInfo **cms)
{
        CMS_ContentInfo_free(*cms);
}

static void free_store(X509_STORE **store)
{
        X509_STORE_free(*store);
}

static void free_signers(struct stack_st_X509 **signers)
{
        sk_X509_free(*signers); /* the certificates belong to the message */
}

int verify_digest(int fd, const atomic_bool *cancel, char hex[VERIFY_HEX_SIZE],
                  struct ub_error *error)
{
        CLEANUP(free_md) EVP_MD_CTX *md = EVP_MD_CTX_new();
        CLEANUP_FREE unsigned char *buf = malloc(READ_BYTES);
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned length;
        unsigned i;
        off_t at = 0;
        ssize_t n;

        if (!md || !buf || !EVP_DigestInit_ex(md, EVP_sha256(), NULL))
                return ub_error_set(error, -ENOMEM, "out of memory");
        while ((n = pread(fd, buf, READ_BYTES, at)) != 0) {
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return ub_error_set(error, -errno, "cannot read: %s", strerror(errno));
                if (cancel && *cancel)
                        return ub_error_set(error, -ECANCELED, "cancelled");
                if (!EVP_DigestUpdate(md, buf, (size_t)n))
                        return ub_error_set(error, -ENOMEM, "out of memory");
                at += n;
        }
        if (!EVP_DigestFinal_ex(md, digest, &length))
                return ub_error_set(error, -ENOMEM, "out of memory");
        for (i = 0; i < length; i++) {
                static const char digits[] = "0123456789abcdef";

                hex[2 * i] = digits[digest[i] >> 4];
                hex[2 * i + 1] = digits[digest[i] & 15];
        }
        hex[2 * length] = '\0';
        return 0;
}

/* ------------------------------------------------------------------------------------ signature */

/* The first thing that OpenSSL had to say, in words. */
static int refuse(struct ub_error *error, const char *what)
{
        const char *data = NULL;
        int flags = 0;
        unsigned long e = ERR_get_error_all(NULL, NULL, NULL, &data, &flags);
        const char *reason = e ? ERR_reason_error_string(e) : NULL;
        bool more = data && *data && flags & ERR_TXT_STRING;

        (void)ub_error_set(error, 0, "%s: %s%s%s", what, reason ? reason : "no reason given",
                           more ? ": " : "", more ? data : "");
        ERR_clear_error();
        return -EKEYREJECTED;
}

static CMS_ContentInfo *read_signature(const char *signature, size_t length)
{
        CLEANUP(free_bio) BIO *bio = NULL;

        if (length > INT_MAX)
                return NULL;
        bio = BIO_new_mem_buf(signature, (int)length);
        if (!bio)
                return NULL;
        if (length > 10 && memcmp(signature, "-----BEGIN", 10) == 0)
                return PEM_read_bio_CMS(bio, NULL, NULL, NULL);
        return d2i_CMS_bio(bio, NULL);
}

/* A certificate for a web server, say, is no licence to sign software, even of the same CA. */
static int check_purpose(CMS_ContentInfo *cms, struct ub_error *error)
{
        CLEANUP(free_signers) struct stack_st_X509 *signers = CMS_get0_signers(cms);
        int i;

        for (i = 0; i < sk_X509_num(signers); i++) {
                uint32_t use = X509_get_extended_key_usage(sk_X509_value(signers, i));

                if (!(use & (XKU_CODE_SIGN | XKU_SMIME | XKU_ANYEKU)))
                        return ub_error_set(error, -EKEYREJECTED,
                                            "the signer's certificate is not for signing");
        }
        return 0;
}

int verify_signature(int fd, const char *signature, size_t length, const char *ca_file,
                     struct ub_error *error)
{
        CLEANUP(free_bio) BIO *content = NULL;
        CLEANUP(free_cms) CMS_ContentInfo *cms = NULL;
        CLEANUP(free_store) X509_STORE *store = X509_STORE_new();

        ERR_clear_error();
        if (!store)
                return ub_error_set(error, -ENOMEM, "out of memory");
        if (X509_STORE_load_file(store, ca_file) != 1)
                return refuse(error, ca_file);
        /* The purposes that a store can ask for are all wrong here; check_purpose() looks. */
        (void)X509_STORE_set_purpose(store, X509_PURPOSE_ANY);
        cms = read_signature(signature, length);
        if (!cms)
                return refuse(error, "the signature cannot be read");
        if (lseek(fd, 0, SEEK_SET) < 0)
                return ub_error_set(error, -errno, "cannot read: %s", strerror(errno));
        content = BIO_new_fd(fd, BIO_NOCLOSE);
        if (!content)
                return ub_error_set(error, -ENOMEM, "out of memory");
        if (CMS_verify(cms, NULL, store, content, NULL, CMS_BINARY) != 1)
                return refuse(error, "the signature is not accepted");
        return check_purpose(cms, error);
}
