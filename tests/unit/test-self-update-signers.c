/* SPDX-License-Identifier: Apache-2.0
 *
 * test-self-update-signers - requests that have to be signed: the keys, the text, and what the
 * agent makes of them */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "plugins/self-update/settings.h"
#include "plugins/self-update/signers.h"
#include "tests/unit/self-update-rig.h"

#define EXPIRES "2099-01-31T12:00:00Z"

/* ------------------------------------------------------------------------------------- the keys */

static EVP_PKEY *make_key(const char *kind)
{
        EVP_PKEY *key;

        if (strncmp(kind, "RSA", 3) == 0)
                key = EVP_RSA_gen((unsigned)strtoul(kind + 3, NULL, 10));
        else if (strncmp(kind, "P-", 2) == 0)
                key = EVP_EC_gen(kind);
        else
                key = EVP_PKEY_Q_keygen(NULL, NULL, kind);
        ck_assert_ptr_nonnull(key);
        return key;
}

static void save_key(EVP_PKEY *key, const char *path, const char *mode)
{
        FILE *f = fopen(path, mode);

        ck_assert_ptr_nonnull(f);
        ck_assert_int_eq(PEM_write_PUBKEY(f, key), 1);
        (void)fclose(f);
        ck_assert_int_eq(chmod(path, 0644), 0);
}

static char *sign(EVP_PKEY *key, const struct claim *claim)
{
        bool is_pure = EVP_PKEY_is_a(key, "ED25519");
        unsigned char signature[1024];
        size_t length = sizeof(signature);
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        char *base64 = calloc(1, 2048);
        char *text;

        ck_assert(ctx && base64);
        ck_assert_int_eq(signers_write(claim, NULL, &text), 0);
        ck_assert_int_eq(EVP_DigestSignInit_ex(ctx, NULL, is_pure ? NULL : "SHA256", NULL, NULL,
                                               key, NULL), 1);
        ck_assert_int_eq(EVP_DigestSign(ctx, signature, &length, (unsigned char *)text,
                                        strlen(text)), 1);
        (void)EVP_EncodeBlock((unsigned char *)base64, signature, (int)length);
        EVP_MD_CTX_free(ctx);
        free(text);
        return base64;
}

static int load_keys(const char *path, struct ub_error *error, struct signers **ret)
{
        struct settings_list *paths = calloc(1, sizeof(*paths));
        int r;

        ck_assert_ptr_nonnull(paths);
        (void)snprintf(paths->text[0], sizeof(paths->text[0]), "%s", path);
        paths->n = 1;
        r = signers_load(paths, error, ret);
        free(paths);
        return r;
}

static const struct claim sample = {
        .activity = "a1",
        .domain = "self-update",
        .component = "os-image",
        .version = "v2.0",
        .image = "https://server/v2.raucb",
        .expires = EXPIRES,
};

START_TEST(the_text_that_is_signed_is_the_documented_one)
{
        struct claim claim = sample;
        char *text;

        claim.size = "1048576";
        ck_assert_int_eq(signers_write(&claim, NULL, &text), 0);
        ck_assert_str_eq(text, "update-broker request 1\n"
                               "activity: a1\n"
                               "domain: self-update\n"
                               "component: os-image\n"
                               "version: v2.0\n"
                               "image: https://server/v2.raucb\n"
                               "sha256: \n"
                               "size: 1048576\n"
                               "expires: " EXPIRES "\n");
        free(text);
}
END_TEST

START_TEST(keys_of_each_kind_in_a_folder_count)
{
        static const char *const kinds[] = { "ED25519", "P-256", "P-384", "RSA2048" };
        EVP_PKEY *keys[sizeof(kinds) / sizeof(kinds[0])];
        struct ub_error error = UB_ERROR_INIT;
        struct folder folder = folder_new();
        struct signers *signers;
        char path[PATH_MAX];
        int64_t expires;
        size_t i;

        for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
                keys[i] = make_key(kinds[i]);
                /* two in each file */
                (void)snprintf(path, sizeof(path), "%s/%zu.pem", folder.path, i / 2);
                save_key(keys[i], path, i % 2 ? "ae" : "we");
        }
        ck_assert_msg(load_keys(folder.path, &error, &signers) == 0, "%s", error.text);
        ck_assert_uint_eq(signers_count(signers), 4);
        for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
                char *signature = sign(keys[i], &sample);

                ck_assert_msg(signers_check(signers, &sample, signature, &error, &expires) == 0,
                              "%s: %s", kinds[i], error.text);
                ck_assert_int_eq(expires, 4073544000);
                free(signature);
                EVP_PKEY_free(keys[i]);
        }
        (void)signers_free(signers);
        folder_done(&folder);
}
END_TEST

/* Makes PATH into what must not be taken for keys. */
static void spoil(const char *path, const char *what)
{
        EVP_PKEY *key = make_key(strcmp(what, "weak") == 0    ? "RSA1024"
                                 : strcmp(what, "other") == 0 ? "X25519"
                                                              : "ED25519");
        FILE *f;

        save_key(key, path, "we");
        f = fopen(path, strcmp(what, "damaged") == 0 ? "ae" : "re+");
        ck_assert_ptr_nonnull(f);
        if (strcmp(what, "damaged") == 0)
                (void)fputs("-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n", f);
        if (strcmp(what, "private") == 0 || strcmp(what, "empty") == 0)
                ck_assert_int_eq(ftruncate(fileno(f), 0), 0);
        if (strcmp(what, "cut") == 0)
                ck_assert_int_eq(ftruncate(fileno(f), 60), 0);
        if (strcmp(what, "private") == 0)
                ck_assert_int_eq(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
        (void)fclose(f);
        if (strcmp(what, "open") == 0)
                ck_assert_int_eq(chmod(path, 0664), 0);
        if (strcmp(what, "absent") == 0)
                ck_assert_int_eq(unlink(path), 0);
        EVP_PKEY_free(key);
}

START_TEST(what_is_no_key_is_named_and_never_passed_over)
{
        static const char *const cases[][2] = {
                { "weak", "a key RSA of 1024 bits is too weak" },
                { "other", "a key of kind X25519 cannot be used" },
                { "damaged", "a key in it is damaged" },
                { "private", "there is a PRIVATE KEY in it, not a PUBLIC KEY" },
                { "empty", "no public key in it (PEM, BEGIN PUBLIC KEY)" },
                { "cut", "a key in it is damaged" },
                { "open", "others may write to it" },
                { "absent", "No such file or directory" },
        };
        struct folder folder = folder_new();
        struct signers *signers = NULL;
        char path[PATH_MAX];
        EVP_PKEY *good = make_key("ED25519");
        size_t i;

        ck_assert_int_eq(chmod(folder.path, 0755), 0);
        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct ub_error error = UB_ERROR_INIT;

                (void)snprintf(path, sizeof(path), "%s/key.pem", folder.path);
                spoil(path, cases[i][0]);
                ck_assert_int_lt(load_keys(path, &error, &signers), 0);
                ck_assert_ptr_null(signers);
                ck_assert_msg(strstr(error.text, path) && strstr(error.text, cases[i][1]),
                              "%s: %s", cases[i][0], error.text);
                if (strcmp(cases[i][0], "absent") == 0)
                        continue;
                /* A good one beside it in the folder does not hide it. */
                (void)snprintf(path, sizeof(path), "%s/good.pem", folder.path);
                save_key(good, path, "we");
                ck_assert_int_lt(load_keys(folder.path, &error, &signers), 0);
                ck_assert_int_eq(unlink(path), 0);
        }
        EVP_PKEY_free(good);
        folder_done(&folder);
}
END_TEST

START_TEST(a_folder_without_keys_or_of_others_is_refused)
{
        struct ub_error error = UB_ERROR_INIT;
        struct folder folder = folder_new();
        struct signers *signers = NULL;
        EVP_PKEY *key = make_key("ED25519");
        char path[PATH_MAX];

        ck_assert_int_lt(load_keys(folder.path, &error, &signers), 0);
        ck_assert_msg(strstr(error.text, "no keys in it (*.pem)") != NULL, "%s", error.text);
        (void)snprintf(path, sizeof(path), "%s/good.pem", folder.path);
        save_key(key, path, "we");
        ck_assert_int_eq(chmod(folder.path, 0777), 0);
        ck_assert_int_lt(load_keys(folder.path, &error, &signers), 0);
        ck_assert_msg(strstr(error.text, "others may write to it") != NULL, "%s", error.text);
        EVP_PKEY_free(key);
        folder_done(&folder);
}
END_TEST

START_TEST(no_part_of_a_request_can_be_changed)
{
        struct ub_error error = UB_ERROR_INIT;
        struct folder folder = folder_new();
        struct signers *signers;
        EVP_PKEY *key = make_key("ED25519");
        char path[PATH_MAX];
        struct claim claim;
        char *signature = sign(key, &sample);
        const char **members[] = { &claim.activity, &claim.domain, &claim.component,
                                   &claim.version, &claim.image, &claim.sha256, &claim.size };
        int64_t expires = 7;
        size_t i;

        (void)snprintf(path, sizeof(path), "%s/key.pem", folder.path);
        save_key(key, path, "we");
        ck_assert_int_eq(load_keys(path, &error, &signers), 0);
        for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
                claim = sample;
                *members[i] = "x";
                ck_assert_int_eq(signers_check(signers, &claim, signature, &error, &expires),
                                 -EPERM);
                expect_in(error.text, "is of none of the 1 trusted keys, or not of this request.");
                *members[i] = "x\nversion: v2.0";
                ck_assert_int_eq(signers_check(signers, &claim, signature, &error, &expires),
                                 -EPERM);
                expect_in(error.text, "holds a control character");
        }
        claim = sample;
        claim.expires = "2099-01-31T12:00:01Z";
        ck_assert_int_eq(signers_check(signers, &claim, signature, &error, &expires), -EPERM);
        ck_assert_int_eq(signers_check(signers, &sample, "", &error, &expires), -EPERM);
        ck_assert_str_eq(error.text, "The request is not signed.");
        ck_assert_int_eq(signers_check(signers, &sample, "%%%%", &error, &expires), -EPERM);
        ck_assert_str_eq(error.text, "The signature of the request is no base64.");
        ck_assert_int_eq(signers_check(signers, &sample, "====", &error, &expires), -EPERM);
        ck_assert_int_eq(expires, 7);
        free(signature);
        EVP_PKEY_free(key);
        (void)signers_free(signers);
        folder_done(&folder);
}
END_TEST

START_TEST(the_time_of_expiry_is_read_with_its_zone)
{
        static const struct {
                const char *text;
                int64_t sec; /* 0: it is none */
        } cases[] = {
                { "1970-01-02T00:00:00Z", 86400 },       { "1970-01-02T00:00:00.25z", 86400 },
                { "1970-01-02T01:30:00+01:30", 86400 },  { "1970-01-01T23:00:00-01:00", 86400 },
                { "1970-01-02", 0 },                     { "1970-01-02T00:00:00", 0 },
                { "1970-01-02 00:00:00Z", 0 },           { "1970-01-02T00:00:00Z ", 0 },
                { "1970-01-02T00:00:00+1:30", 0 },       { "1970-01-02T00:00:00+01:60", 0 },
                { "1970-01-02T00:00:00.Z", 0 },          { "1970-1-2T00:00:00Z", 0 },
                { "86400", 0 },                          { "", 0 },
        };
        struct ub_error error = UB_ERROR_INIT;
        struct folder folder = folder_new();
        struct signers *signers;
        EVP_PKEY *key = make_key("ED25519");
        struct claim claim = sample;
        char path[PATH_MAX];
        size_t i;

        (void)snprintf(path, sizeof(path), "%s/key.pem", folder.path);
        save_key(key, path, "we");
        ck_assert_int_eq(load_keys(path, &error, &signers), 0);
        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                int64_t sec = 0;
                char *signature;
                int r;

                claim.expires = cases[i].text;
                signature = sign(key, &claim);
                r = signers_check(signers, &claim, signature, &error, &sec);
                ck_assert_msg((r == 0) == (cases[i].sec != 0) && sec == cases[i].sec, "%s: %s",
                              cases[i].text, error.text);
                free(signature);
        }
        EVP_PKEY_free(key);
        (void)signers_free(signers);
        folder_done(&folder);
}
END_TEST

/* ------------------------------------------------------------------------------------ the agent */

struct scene {
        struct rig rig;
        EVP_PKEY *key;
};

static void scene_prepare(struct scene *s, const char *more)
{
        char path[PATH_MAX];
        char keys[PATH_MAX + 64];

        rig_prepare(&s->rig, more);
        s->key = make_key("ED25519");
        (void)snprintf(path, sizeof(path), "%s/key.pem", s->rig.folder.path);
        save_key(s->key, path, "we");
        s->rig.settings[strlen(s->rig.settings) - 1] = '\0';
        (void)snprintf(keys, sizeof(keys), ",\"request\":{\"keys\":[\"%s\"]}}", path);
        (void)strncat(s->rig.settings, keys, sizeof(s->rig.settings) -
                      strlen(s->rig.settings) - 1);
}

static void scene_init(struct scene *s, const char *more)
{
        scene_prepare(s, more);
        rig_start(&s->rig, 0);
        (void)fake_host_next(s->rig.fake, "rauc Mark good rootfs.0");
}

static void scene_done(struct scene *s)
{
        EVP_PKEY_free(s->key);
        rig_done(&s->rig);
}

/* An hour from now: within request.maxLifetime. */
static void soon(char buf[32], int64_t more)
{
        time_t t = time(NULL) + (time_t)more;
        struct tm tm;

        ck_assert_ptr_nonnull(gmtime_r(&t, &tm));
        ck_assert_uint_gt(strftime(buf, 32, "%Y-%m-%dT%H:%M:%SZ", &tm), 0);
}

struct asked {
        const char *id;        /* of the activity */
        const char *version;
        const char *signed_id; /* NULL: the same */
        const char *expires;   /* NULL: in an hour */
};

static void ask(struct scene *s, const struct asked *asked)
{
        char image[PATH_MAX];
        char json[PATH_MAX * 2];
        char hour[32];
        struct claim claim = sample;
        char *signature;

        soon(hour, 3600);
        (void)snprintf(image, sizeof(image), "file://%s/v2.raucb", s->rig.folder.path);
        claim.activity = asked->signed_id ? asked->signed_id : asked->id;
        claim.version = asked->version;
        claim.image = image;
        claim.expires = asked->expires ? asked->expires : hour;
        signature = sign(s->key, &claim);
        (void)snprintf(json, sizeof(json),
                       "{\"domains\":[{\"id\":\"self-update\",\"components\":[{\"id\":\"os-image\","
                       "\"version\":\"%s\",\"config\":[{\"key\":\"image\",\"value\":\"%s\"},"
                       "{\"key\":\"expires\",\"value\":\"%s\"},"
                       "{\"key\":\"signature\",\"value\":\"%s\"}]}]}]}",
                       asked->version, image, claim.expires, signature);
        free(signature);
        ck_assert_int_eq(s->rig.plugin->agent->desired_state(s->rig.self, asked->id, json), 0);
}

/* m1, and m3 with this reason */
static void expect_refusal(struct scene *s, const char *reason)
{
        expect_in(fake_host_next(s->rig.fake, "feedback "), "{\"status\":\"IDENTIFYING\"");
        expect_in(fake_host_next(s->rig.fake, "feedback "),
                  "{\"status\":\"IDENTIFICATION_FAILED\"");
        expect_in(s->rig.fake->lines[s->rig.fake->n_seen - 1], reason);
}

static void finish(struct scene *s, const char *id)
{
        order(&s->rig, id, UB_CMD_DOWNLOAD);
        (void)await(&s->rig, "DOWNLOAD_SUCCESS");
        order(&s->rig, id, UB_CMD_UPDATE);
        (void)await(&s->rig, "UPDATE_SUCCESS");
        do_activate(&s->rig, id);
}

START_TEST(only_a_signed_request_is_begun)
{
        struct scene s;
        char past[32];
        char far[32];

        scene_init(&s, "");
        soon(past, -60);
        soon(far, 40 * 86400);
        desire(&s.rig, "a1", "v2.0", "v2");
        expect_refusal(&s, "The request is not signed.");
        ask(&s, &(struct asked){ .id = "a1", .version = "v2.0", .signed_id = "a0" });
        expect_refusal(&s, "is of none of the 1 trusted keys, or not of this request.");
        ask(&s, &(struct asked){ .id = "a1", .version = "v2.0", .expires = past });
        expect_refusal(&s, "The request has expired: it was to be begun before ");
        ask(&s, &(struct asked){ .id = "a1", .version = "v2.0", .expires = far });
        expect_refusal(&s, "request.maxLifetime is 2592000 s");
        ask(&s, &(struct asked){ .id = "a1", .version = "v2.0" });
        (void)await(&s.rig, "IDENTIFIED");
        finish(&s, "a1");
        scene_done(&s);
}
END_TEST

START_TEST(a_wrong_request_leaves_the_activity_that_waits_alone)
{
        struct scene s;

        scene_init(&s, "");
        ask(&s, &(struct asked){ .id = "a1", .version = "v2.0" });
        (void)await(&s.rig, "IDENTIFIED");
        desire(&s.rig, "a2", "v2.0", "v2");
        expect_refusal(&s, "The request is not signed.");
        finish(&s, "a1");
        scene_done(&s);
}
END_TEST

START_TEST(repeated_while_it_is_under_way_it_is_answered_as_ever)
{
        struct scene s;

        scene_init(&s, "");
        ask(&s, &(struct asked){ .id = "a1", .version = "v2.0" });
        ask(&s, &(struct asked){ .id = "a1", .version = "v2.0" }); /* before the answer */
        (void)await(&s.rig, "IDENTIFIED");
        (void)await(&s.rig, "IDENTIFIED");
        rig_crash(&s.rig, UB_START_RECOVERED);
        ask(&s, &(struct asked){ .id = "a1", .version = "v2.0" });
        (void)await(&s.rig, "IDENTIFIED");
        finish(&s, "a1");
        scene_done(&s);
}
END_TEST

START_TEST(a_request_that_was_used_is_not_begun_again)
{
        struct scene s;

        scene_init(&s, "");
        ask(&s, &(struct asked){ .id = "a1", .version = "v2.0" });
        (void)await(&s.rig, "IDENTIFIED");
        order(&s.rig, "a1", UB_CMD_ROLLBACK);
        (void)await(&s.rig, "INCOMPLETE");
        ask(&s, &(struct asked){ .id = "a1", .version = "v2.0" });
        expect_refusal(&s, "The request was used before");
        order(&s.rig, "a1", UB_CMD_CLEANUP);
        (void)await(&s.rig, "INCOMPLETE");
        rig_crash(&s.rig, 0);
        ask(&s, &(struct asked){ .id = "a1", .version = "v2.0" });
        expect_refusal(&s, "The request was used before");
        ask(&s, &(struct asked){ .id = "a2", .version = "v2.0" });
        (void)await(&s.rig, "IDENTIFIED");
        scene_done(&s);
}
END_TEST

/* What asked for the version that ran then must not take a later update back. */
START_TEST(a_request_with_nothing_to_do_counts_as_used)
{
        struct scene s;

        scene_init(&s, "");
        ask(&s, &(struct asked){ .id = "a1", .version = "v1.0" });
        (void)await(&s.rig, "COMPLETED");
        ask(&s, &(struct asked){ .id = "a1", .version = "v1.0" });
        (void)await(&s.rig, "COMPLETED");
        ask(&s, &(struct asked){ .id = "a2", .version = "v2.0" });
        (void)await(&s.rig, "IDENTIFIED");
        finish(&s, "a2");
        do_clean_up(&s.rig, "a2");
        (void)await(&s.rig, "COMPLETE");
        /* v2.0 waits for its boot ... */
        ask(&s, &(struct asked){ .id = "a1", .version = "v1.0" });
        expect_refusal(&s, "The request was used before");
        rig_boot(&s.rig, 1, 0);
        (void)await(&s.rig, "COMPLETED");
        /* ... and has booted */
        ask(&s, &(struct asked){ .id = "a1", .version = "v1.0" });
        expect_refusal(&s, "The request was used before");
        scene_done(&s);
}
END_TEST

START_TEST(without_a_clock_nobody_knows_what_has_expired)
{
        struct scene s;

        scene_init(&s, ",'clock':{'notBefore':'2199-01-01','wait':0}");
        ask(&s, &(struct asked){ .id = "a1", .version = "v2.0" });
        expect_refusal(&s, "The clock is not set");
        scene_done(&s);
}
END_TEST

START_TEST(an_agent_whose_keys_cannot_be_read_does_not_start)
{
        struct scene s;

        scene_prepare(&s, "");
        put_file(&s.rig, "key.pem", "no key\n");
        ck_assert_int_eq(s.rig.plugin->life->create(&s.rig.fake->host, s.rig.settings,
                                                    &s.rig.self), 0);
        ck_assert_int_lt(s.rig.plugin->life->start(s.rig.self, 0), 0);
        expect_in(fake_host_next(s.rig.fake, "log 3 settings.request.keys: "),
                  "key.pem: no public key in it");
        s.rig.plugin->life->destroy(s.rig.self);
        EVP_PKEY_free(s.key);
        fake_rauc_free(s.rig.rauc);
        fake_host_free(s.rig.fake);
        folder_done(&s.rig.folder);
}
END_TEST

UNIT_MAIN("self-update-signers", the_text_that_is_signed_is_the_documented_one,
          keys_of_each_kind_in_a_folder_count, what_is_no_key_is_named_and_never_passed_over,
          a_folder_without_keys_or_of_others_is_refused, no_part_of_a_request_can_be_changed,
          the_time_of_expiry_is_read_with_its_zone, only_a_signed_request_is_begun,
          a_wrong_request_leaves_the_activity_that_waits_alone,
          repeated_while_it_is_under_way_it_is_answered_as_ever,
          a_request_that_was_used_is_not_begun_again,
          a_request_with_nothing_to_do_counts_as_used,
          without_a_clock_nobody_knows_what_has_expired,
          an_agent_whose_keys_cannot_be_read_does_not_start)
