/* SPDX-License-Identifier: Apache-2.0
 *
 * fake-rauc - see fake-rauc.h */
#include "tests/fake/fake-rauc.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME "de.pengutronix.rauc"
#define INTERFACE "de.pengutronix.rauc.Installer"
#define ERROR "org.gtk.GDBus.UnmappedGError.Quark._g_2dio_2derror_2dquark.Code30"

static const int percents[] = { 0, 20, 40, 60, 80, 90, 99, 100 };
enum { N_STEPS = sizeof(percents) / sizeof(percents[0]), HALF = 3 };

/* ----------------------------------------------------------------------------------- properties */

static int get_text(sd_bus *bus, const char *path, const char *interface, const char *property,
                    sd_bus_message *reply, void *data, sd_bus_error *error)
{
        struct fake_rauc *rauc = data;
        const char *text = "";

        (void)bus;
        (void)path;
        (void)interface;
        (void)error;
        if (strcmp(property, "Operation") == 0)
                text = rauc->busy ? "installing" : "idle";
        else if (strcmp(property, "LastError") == 0)
                text = rauc->last_error;
        else if (strcmp(property, "Compatible") == 0)
                text = "Rig Board";
        else if (strcmp(property, "BootSlot") == 0)
                text = rauc->slots[rauc->booted].bootname;
        return sd_bus_message_append(reply, "s", text);
}

static int get_progress(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *data, sd_bus_error *error)
{
        struct fake_rauc *rauc = data;

        (void)bus;
        (void)path;
        (void)interface;
        (void)property;
        (void)error;
        return sd_bus_message_append(reply, "(isi)", percents[rauc->steps], "step", 1);
}

/* --------------------------------------------------------------------------------- installation */

static void end_busy(struct fake_rauc *rauc)
{
        rauc->step = sd_event_source_disable_unref(rauc->step);
        rauc->busy = false;
        rauc->held = false;
}

static void emit_completed(struct fake_rauc *rauc, int result)
{
        ck_assert_int_ge(sd_bus_emit_signal(rauc->bus, "/", INTERFACE, "Completed", "i", result),
                         0);
}

/* An image that is another one for each version; the caller frees it. */
static unsigned char *make_image(const char *version, char sha256[72])
{
        unsigned char *image = malloc(FAKE_RAUC_IMAGE);
        unsigned char digest[32];
        size_t i;

        ck_assert_ptr_nonnull(image);
        for (i = 0; i < FAKE_RAUC_IMAGE; i++)
                image[i] = (unsigned char)(i + i / 512);
        memcpy(image, version, strlen(version));
        ck_assert_int_eq(EVP_Digest(image, FAKE_RAUC_IMAGE, digest, NULL, EVP_sha256(), NULL), 1);
        for (i = 0; i < sizeof(digest); i++)
                (void)snprintf(sha256 + 2 * i, 3, "%02x", digest[i]);
        return image;
}

static void write_device(struct fake_rauc *rauc, struct fake_slot *slot)
{
        unsigned char *image = make_image(rauc->bundle_version, slot->sha256);
        char path[512];
        FILE *f;

        image[FAKE_RAUC_IMAGE / 2] ^= slot == &rauc->slots[2] ? rauc->child_rots : rauc->rots;
        (void)snprintf(path, sizeof(path), "%s/%s", rauc->folder, slot->name);
        f = fopen(path, "we");
        ck_assert_ptr_nonnull(f);
        ck_assert_uint_eq(fwrite(image, FAKE_RAUC_IMAGE, 1, f), 1);
        ck_assert_int_eq(fclose(f), 0);
        free(image);
        if (rauc->hides || rauc->hangs)
                ck_assert_int_eq(unlink(path), 0);
        if (rauc->hangs)
                ck_assert_int_eq(mkfifo(path, 0600), 0);
}

static void write_slot(struct fake_rauc *rauc, struct fake_slot *slot)
{
        if (rauc->folder)
                write_device(rauc, slot);
        (void)snprintf(slot->version, sizeof(slot->version), "%s", rauc->bundle_version);
        (void)snprintf(slot->status, sizeof(slot->status), "ok");
        (void)snprintf(slot->transaction, sizeof(slot->transaction), "%s", rauc->transaction);
        slot->count++;
        (void)snprintf(slot->installed, sizeof(slot->installed), "2026-01-01T00:00:%02uZ",
                       slot->count % 60);
}

static void write_target(struct fake_rauc *rauc)
{
        write_slot(rauc, &rauc->slots[rauc->target]);
        if (rauc->with_child)
                write_slot(rauc, &rauc->slots[2]);
}

static void activate(struct fake_rauc *rauc, int slot)
{
        rauc->primary = slot;
        rauc->slots[slot].good = true;
        rauc->slots[slot].tried = false;
}

static void finish(struct fake_rauc *rauc)
{
        bool post = strncmp(rauc->result, "post-fail ", 10) == 0;
        bool fails = post || strncmp(rauc->result, "fail ", 5) == 0;

        if (post || (!fails && strcmp(rauc->result, "foreign") != 0))
                write_target(rauc);
        if (post || (!fails && rauc->activate_installed))
                activate(rauc, rauc->target);
        if (fails) {
                (void)snprintf(rauc->last_error, sizeof(rauc->last_error), "%s",
                               strchr(rauc->result, ' ') + 1);
                (void)sd_bus_emit_properties_changed(rauc->bus, "/", INTERFACE, "LastError", NULL);
        }
        end_busy(rauc);
        emit_completed(rauc, fails);
}

static int on_step(sd_event_source *source, void *data)
{
        struct fake_rauc *rauc = data;

        (void)source;
        (void)sd_bus_emit_properties_changed(rauc->bus, "/", INTERFACE, "Progress", NULL);
        if (rauc->steps == HALF) {
                rauc->slots[rauc->target].good = false;
                if (strcmp(rauc->result, "die") == 0) {
                        fake_rauc_down(rauc);
                        return 0;
                }
                if (strcmp(rauc->result, "hold") == 0 && !rauc->held) {
                        rauc->held = true;
                        rauc->step = sd_event_source_disable_unref(rauc->step);
                        fake_host_add_line(rauc->host, "rauc holds");
                        return 0;
                }
        }
        if (++rauc->steps == N_STEPS) {
                rauc->steps = N_STEPS - 1;
                finish(rauc);
        }
        return 0;
}

static void go_on(struct fake_rauc *rauc)
{
        ck_assert_int_ge(sd_event_add_defer(rauc->host->event, &rauc->step, on_step, rauc), 0);
        ck_assert_int_ge(sd_event_source_set_enabled(rauc->step, SD_EVENT_ON), 0);
}

void fake_rauc_finish(struct fake_rauc *rauc)
{
        if (!rauc->held) /* it holds in the middle, not when it is asked */
                (void)fake_host_next(rauc->host, "rauc holds");
        rauc->steps++;
        go_on(rauc);
}

/* -------------------------------------------------------------------------------------- bundles */

static bool read_key(const char *path, const char *key, char *buf, size_t size)
{
        /* A remote bundle is the file that its path names. */
        const char *host = strncmp(path, "http://", 7) == 0 ? strchr(path + 7, '/') : NULL;
        FILE *f = fopen(host ? host : path, "re");
        char line[512];
        bool found = false;

        buf[0] = '\0';
        while (f && !found && fgets(line, sizeof(line), f)) {
                line[strcspn(line, "\n")] = '\0';
                found = strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == '=';
                if (found)
                        (void)snprintf(buf, size, "%s", line + strlen(key) + 1);
        }
        if (f)
                (void)fclose(f);
        return found;
}

static int refuse_busy(const struct fake_rauc *rauc, sd_bus_error *error)
{
        return rauc->busy ? sd_bus_error_set(error, ERROR,
                                             "already processing a different method")
                          : 0;
}

static bool is_remote(const char *bundle)
{
        return strncmp(bundle, "http://", 7) == 0;
}

struct options {
        char transaction[96];
        char hash[96];
        char access[512]; /* " KEY=VALUE ..." of what is for the web server */
};

/* Keys that no RAUC knows, and those of a later one, are refused as RAUC does. */
static int read_option(sd_bus_message *m, const struct fake_rauc *rauc, struct options *options,
                       sd_bus_error *error)
{
        size_t length = strlen(options->access);
        char *access = options->access + length;
        size_t size = sizeof(options->access) - length;
        char **list = NULL;
        const char *value = "";
        const char *key;
        int i;
        int r;

        r = sd_bus_message_read(m, "s", &key);
        if (r < 0)
                return r;
        if (strcmp(key, "http-headers") == 0) {
                r = sd_bus_message_enter_container(m, 'v', "as");
                if (r >= 0)
                        r = sd_bus_message_read_strv(m, &list);
                for (i = 0; r >= 0 && list && list[i]; i++) {
                        (void)snprintf(access, size, " [%s]", list[i]);
                        size -= strlen(access);
                        access += strlen(access);
                        free(list[i]);
                }
                free(list);
                return r < 0 ? r : sd_bus_message_exit_container(m);
        }
        r = sd_bus_message_read(m, "v", "s", &value);
        if (strncmp(key, "tls-", 4) == 0)
                (void)snprintf(access, size, " %s=%s", key, value);
        else if (strcmp(key, "transaction-id") == 0 && rauc->has_transaction)
                (void)snprintf(options->transaction, sizeof(options->transaction), "%s", value);
        else if (strcmp(key, "require-manifest-hash") == 0 && rauc->has_hash)
                (void)snprintf(options->hash, sizeof(options->hash), "%s", value);
        else
                return sd_bus_error_setf(error, ERROR, "Unsupported key: %s", key);
        return r;
}

static int read_options(sd_bus_message *m, const struct fake_rauc *rauc, struct options *ret,
                        sd_bus_error *error)
{
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        *ret = (struct options){ .access = "" };
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = read_option(m, rauc, ret, error);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static void read_manifest(const char *bundle, char format[32], char hash[96])
{
        if (!read_key(bundle, "format", format, 32))
                (void)snprintf(format, 32, "verity");
        if (!read_key(bundle, "hash", hash, 96))
                (void)snprintf(hash, 96, "abcd");
}

/* RAUC takes a relative path for one in its own working directory. */
static void check_source(const char *bundle)
{
        ck_assert_msg(is_remote(bundle) || *bundle == '/', "%s is no absolute path", bundle);
}

/* What an installation comes to, as the bundle has it or as its hash demands. */
static void read_result(struct fake_rauc *rauc, const char *bundle, const char *hash)
{
        char format[32];
        char is[96];

        read_manifest(bundle, format, is);
        if (!read_key(bundle, "result", rauc->result, sizeof(rauc->result)))
                (void)snprintf(rauc->result, sizeof(rauc->result),
                               "fail signature verification failed: nobody");
        else if (*hash && strcmp(format, "plain") == 0)
                (void)snprintf(rauc->result, sizeof(rauc->result),
                               "fail Refusing to install plain bundle when using "
                               "require-manifest-hash");
        else if (*hash && strcmp(hash, is) != 0)
                (void)snprintf(rauc->result, sizeof(rauc->result),
                               "fail Bundle manifest hash mismatch");
}

static int on_install(sd_bus_message *m, void *data, sd_bus_error *error)
{
        struct fake_rauc *rauc = data;
        struct options options;
        const char *bundle;
        int r;

        r = sd_bus_message_read(m, "s", &bundle);
        check_source(bundle);
        if (rauc->busy)
                return sd_bus_error_set(error, ERROR, "Already processing a different method");
        if (r >= 0)
                r = read_options(m, rauc, &options, error);
        if (r < 0)
                return r;
        (void)snprintf(rauc->transaction, sizeof(rauc->transaction), "%s", options.transaction);
        fake_host_add_line(rauc->host, "rauc InstallBundle %s%s%s%s",
                           *options.transaction ? "with transaction" : "without",
                           *options.hash ? " hash " : "", options.hash, options.access);
        rauc->n_installs++;
        (void)read_key(bundle, "version", rauc->bundle_version, sizeof(rauc->bundle_version));
        read_result(rauc, bundle, options.hash);
        rauc->target = rauc->booted == 0 ? 1 : 0;
        rauc->busy = true;
        rauc->steps = 0;
        go_on(rauc);
        return sd_bus_reply_method_return(m, NULL);
}

static int on_info(sd_bus_message *m, void *data, sd_bus_error *error)
{
        struct fake_rauc *rauc = data;
        char compatible[64];
        char version[64];
        const char *bundle;
        int r = sd_bus_message_read(m, "s", &bundle);

        if (r < 0)
                return r;
        check_source(bundle);
        fake_host_add_line(rauc->host, "rauc Info");
        if (rauc->busy || rauc->inspect_fails ||
            !read_key(bundle, "compatible", compatible, sizeof(compatible)))
                return sd_bus_error_set(error, ERROR, "rauc info error");
        (void)read_key(bundle, "version", version, sizeof(version));
        return sd_bus_reply_method_return(m, "ss", compatible, version);
}

static void end_get(struct fake_rauc *rauc, const char *why)
{
        int fd = sd_event_source_get_io_fd(rauc->get);

        rauc->get = sd_event_source_disable_unref(rauc->get);
        (void)close(fd);
        if (why)
                (void)sd_bus_reply_method_errorf(rauc->asked, ERROR, "Failed to %s bundle: %s",
                                                 rauc->has_streaming ? "stream" : "download", why);
        rauc->asked = sd_bus_message_unref(rauc->asked);
}

static int on_get(sd_event_source *source, int fd, uint32_t events, void *data)
{
        struct fake_rauc *rauc = data;
        char buf[1024];
        const char *bundle;
        const char *path;

        if (events & EPOLLIN) {
                end_get(rauc, recv(fd, buf, sizeof(buf), 0) > 0 ? "HTTP 404" : "no answer");
        } else if (events & (EPOLLERR | EPOLLHUP)) {
                end_get(rauc, "server not responding");
        } else {
                ck_assert_int_ge(sd_bus_message_rewind(rauc->asked, true), 0);
                ck_assert_int_ge(sd_bus_message_read(rauc->asked, "s", &bundle), 0);
                path = strchr(bundle + 7, '/');
                (void)snprintf(buf, sizeof(buf), "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", path,
                               rauc->has_streaming ? "Range: bytes=0-3\r\n" : "");
                ck_assert_int_eq(send(fd, buf, strlen(buf), MSG_NOSIGNAL), (ssize_t)strlen(buf));
                (void)sd_event_source_set_io_events(source, EPOLLIN);
        }
        return 0;
}

static int ask_web_server(struct fake_rauc *rauc, sd_bus_message *m, const char *url)
{
        const char *port = strchr(url + 7, ':');
        struct sockaddr_in address = {
                .sin_family = AF_INET,
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                .sin_port = htons((uint16_t)strtoul(port ? port + 1 : "9", NULL, 10)),
        };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        ck_assert_int_ge(fd, 0);
        (void)connect(fd, (struct sockaddr *)&address, sizeof(address));
        rauc->asked = sd_bus_message_ref(m);
        ck_assert_int_ge(sd_event_add_io(rauc->host->event, &rauc->get, fd, EPOLLOUT, on_get, rauc),
                         0);
        return 1; /* the answer comes later */
}

static int refuse_bundle(const struct fake_rauc *rauc, const char *bundle, sd_bus_error *error)
{
        char text[256];
        char format[32];
        char hash[96];

        if (is_remote(bundle) && read_key(bundle, "remote", text, sizeof(text)))
                return sd_bus_error_set(error, ERROR, text);
        if (read_key(bundle, "signature", text, sizeof(text)))
                return sd_bus_error_setf(error, ERROR, "signature verification failed: %s", text);
        if (rauc->inspect_fails || !read_key(bundle, "compatible", text, sizeof(text)))
                return sd_bus_error_set(error, ERROR,
                                        "signature verification failed: Verify error: "
                                        "self-signed certificate");
        read_manifest(bundle, format, hash);
        if (is_remote(bundle) && strcmp(format, "plain") == 0)
                return sd_bus_error_set(error, ERROR,
                                        "Bundle format 'plain' not supported in streaming mode");
        return 0;
}

static int tell_manifest(struct fake_rauc *rauc, sd_bus_message *m, const char *bundle)
{
        sd_bus_message *reply = NULL;
        char compatible[64];
        char version[64];
        char format[32];
        char sha256[72];
        char hash[96];
        int r;

        (void)read_key(bundle, "compatible", compatible, sizeof(compatible));
        (void)read_key(bundle, "version", version, sizeof(version));
        read_manifest(bundle, format, hash);
        free(make_image(version, sha256));
        r = sd_bus_message_new_method_return(m, &reply);
        /* The sections are variants inside variants, as GVariantDict makes them. */
        if (r >= 0)
                r = sd_bus_message_append(reply, "a{sv}", 5, "images", "v", "aa{sv}", 1, 3,
                                          "checksum", "s", sha256, "filename", "s",
                                          rauc->image_file, "hooks", "as", 1, rauc->image_hook,
                                          "manifest-hash", "s", hash, "later", "at", 2,
                                          UINT64_C(1), UINT64_C(2), "update", "v", "a{sv}", 2,
                                          "compatible", "s", compatible, "version", "s", version,
                                          "bundle", "v", "a{sv}", 1, "format", "s", format);
        if (r >= 0)
                r = sd_bus_send(rauc->bus, reply, NULL);
        (void)sd_bus_message_unref(reply);
        return r < 0 ? r : 1;
}

static int on_inspect(sd_bus_message *m, void *data, sd_bus_error *error)
{
        struct fake_rauc *rauc = data;
        struct options options;
        const char *bundle;
        char text[64];
        int r = sd_bus_message_read(m, "s", &bundle);

        if (r < 0)
                return r;
        check_source(bundle);
        if (!rauc->has_inspect)
                return sd_bus_error_set(error, SD_BUS_ERROR_UNKNOWN_METHOD, "No such method");
        r = read_options(m, rauc, &options, error);
        if (r < 0)
                return r;
        if (is_remote(bundle) && !read_key(bundle, "compatible", text, sizeof(text)))
                return ask_web_server(rauc, m, bundle);
        if (is_remote(bundle))
                fake_host_add_line(rauc->host, "rauc %s%s", rauc->has_streaming
                                                                    ? "looks from afar"
                                                                    : "fetches the whole bundle",
                                   options.access);
        else
                fake_host_add_line(rauc->host, "rauc InspectBundle");
        if (is_remote(bundle) && read_key(bundle, "remote", text, sizeof(text)) &&
            strcmp(text, "hang") == 0)
                return 1; /* nobody ever answers */
        if (refuse_busy(rauc, error) < 0 || refuse_bundle(rauc, bundle, error) < 0)
                return -EIO;
        return tell_manifest(rauc, m, bundle);
}

/* ---------------------------------------------------------------------------------------- slots */

static bool is_good(const struct fake_slot *slot)
{
        return slot->good && !slot->tried;
}

static int append_slot(sd_bus_message *m, const struct fake_rauc *rauc, int i)
{
        const struct fake_slot *slot = &rauc->slots[i];
        char device[512];
        int r;

        r = sd_bus_message_open_container(m, 'r', "sa{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", slot->name);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}{sv}", "class", "s",
                                          *slot->bootname    ? "rootfs"
                                          : rauc->with_child ? "appfs"
                                                             : "rescue",
                                          "state", "s", rauc->booted == i ? "booted" : "inactive");
        if (r >= 0 && rauc->with_child && i == 2)
                r = sd_bus_message_append(m, "{sv}", "parent", "s", "rootfs.1");
        if (r >= 0 && *slot->bootname)
                r = sd_bus_message_append(m, "{sv}{sv}", "bootname", "s", slot->bootname,
                                          "boot-status", "s", is_good(slot) ? "good" : "bad");
        if (r >= 0 && *slot->version)
                r = sd_bus_message_append(m, "{sv}{sv}{sv}{sv}", "bundle.version", "s",
                                          slot->version, "status", "s", slot->status,
                                          "installed.timestamp", "s", slot->installed,
                                          "installed.count", "u", slot->count);
        if (r >= 0 && *slot->sha256) {
                (void)snprintf(device, sizeof(device), "%s/%s", rauc->folder, slot->name);
                r = sd_bus_message_append(m, "{sv}{sv}{sv}{sv}", "device", "s", device, "type", "s",
                                          rauc->slot_type, "sha256", "s", slot->sha256, "size", "t",
                                          (uint64_t)FAKE_RAUC_IMAGE);
        }
        if (r >= 0 && *slot->transaction)
                r = sd_bus_message_append(m, "{sv}", "installed.transaction", "s",
                                          slot->transaction);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int on_status(sd_bus_message *m, void *data, sd_bus_error *error)
{
        struct fake_rauc *rauc = data;
        sd_bus_message *reply = NULL;
        int i;
        int r;

        if (refuse_busy(rauc, error) < 0)
                return -EBUSY;
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sa{sv})");
        for (i = rauc->with_rescue || rauc->with_child ? 2 : 1; i >= 0 && r >= 0; i--)
                r = append_slot(reply, rauc, i);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(rauc->bus, reply, NULL);
        (void)sd_bus_message_unref(reply);
        return r < 0 ? r : 1;
}

static int on_primary(sd_bus_message *m, void *data, sd_bus_error *error)
{
        struct fake_rauc *rauc = data;
        int other = rauc->primary == 0 ? 1 : 0;

        if (refuse_busy(rauc, error) < 0)
                return -EBUSY;
        if (rauc->primary >= 0 && is_good(&rauc->slots[rauc->primary]))
                return sd_bus_reply_method_return(m, "s", rauc->slots[rauc->primary].name);
        if (rauc->primary >= 0 && is_good(&rauc->slots[other]))
                return sd_bus_reply_method_return(m, "s", rauc->slots[other].name);
        return sd_bus_error_set(error, ERROR, "Failed getting primary slot: grub backend: No "
                                              "bootable slot found in ORDER 'A B'");
}

static int on_mark(sd_bus_message *m, void *data, sd_bus_error *error)
{
        struct fake_rauc *rauc = data;
        const char *state;
        const char *name;
        int i;
        int r = sd_bus_message_read(m, "ss", &state, &name);

        if (r < 0)
                return r;
        fake_host_add_line(rauc->host, "rauc Mark %s %s", state, name);
        if (refuse_busy(rauc, error) < 0)
                return -EBUSY;
        if (strcmp(rauc->mark_fails, state) == 0 && rauc->dies_at_mark) /* dbus-daemon's words */
                return sd_bus_error_set(error, SD_BUS_ERROR_NO_REPLY,
                                        "Message recipient disconnected from message bus without "
                                        "replying");
        if (strcmp(rauc->mark_fails, state) == 0)
                return sd_bus_error_set(error, ERROR, "the environment cannot be written");
        for (i = 0; i < 3 && strcmp(rauc->slots[i].name, name) != 0; i++)
                ;
        if (i == 3 || !*rauc->slots[i].bootname)
                return sd_bus_error_setf(error, ERROR, "No slot with class rootfs and name %s "
                                                       "found", name);
        if (strcmp(state, "active") == 0) {
                activate(rauc, i);
        } else {
                rauc->slots[i].good = strcmp(state, "good") == 0;
                rauc->slots[i].tried = false;
        }
        return sd_bus_reply_method_return(m, "ss", name, "marked");
}

static int on_reboot(sd_bus_message *m, void *data, sd_bus_error *error)
{
        struct fake_rauc *rauc = data;

        if (rauc->no_reboot)
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "Access denied");
        rauc->n_reboots++;
        fake_host_add_line(rauc->host, "logind Reboot");
        return sd_bus_reply_method_return(m, NULL);
}

static const sd_bus_vtable rauc_table[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("InstallBundle", "sa{sv}", NULL, on_install, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Info", "s", "ss", on_info, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("InspectBundle", "sa{sv}", "a{sv}", on_inspect, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Mark", "ss", "ss", on_mark, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetSlotStatus", NULL, "a(sa{sv})", on_status, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetPrimary", NULL, "s", on_primary, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL("Completed", "i", 0),
        SD_BUS_PROPERTY("Operation", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("LastError", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Compatible", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("BootSlot", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Progress", "(isi)", get_progress, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable logind_table[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Reboot", "b", NULL, on_reboot, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

/* --------------------------------------------------------------------------------------- object */

void fake_rauc_foreign(struct fake_rauc *rauc, bool begin)
{
        if (!begin)
                emit_completed(rauc, 0);
        rauc->busy = begin;
}

void fake_rauc_boot(struct fake_rauc *rauc, int slot)
{
        int i;

        if (slot != rauc->primary && rauc->primary >= 0)
                rauc->slots[rauc->primary].tried = true; /* it was tried first */
        for (i = 0; i < 3; i++)
                if (i == slot)
                        rauc->slots[i].tried = true;
        rauc->booted = slot;
}

void fake_rauc_up(struct fake_rauc *rauc)
{
        ck_assert_int_ge(sd_bus_request_name(rauc->bus, NAME, 0), 0);
}

void fake_rauc_down(struct fake_rauc *rauc)
{
        end_busy(rauc);
        ck_assert_int_ge(sd_bus_release_name(rauc->bus, NAME), 0);
        fake_host_add_line(rauc->host, "rauc is gone");
}

static void start_daemon(struct fake_rauc *rauc)
{
        ssize_t length;
        int fds[2];

        ck_assert_int_eq(pipe(fds), 0);
        rauc->daemon_pid = fork();
        ck_assert_int_ge(rauc->daemon_pid, 0);
        if (rauc->daemon_pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void)dup2(fds[1], 3);
                /* It complains of limits that it may not raise. */
                (void)dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
                (void)execlp("dbus-daemon", "dbus-daemon", "--session", "--nofork", "--nopidfile",
                             "--print-address=3", (char *)NULL);
                _exit(127);
        }
        (void)close(fds[1]);
        length = read(fds[0], rauc->address, sizeof(rauc->address) - 1);
        ck_assert_msg(length > 0, "dbus-daemon does not start");
        rauc->address[length] = '\0';
        rauc->address[strcspn(rauc->address, "\n")] = '\0';
        (void)close(fds[0]);
}

static sd_bus *connect_bus(const struct fake_rauc *rauc)
{
        sd_bus *bus = NULL;

        ck_assert_int_ge(sd_bus_new(&bus), 0);
        ck_assert_int_ge(sd_bus_set_address(bus, rauc->address), 0);
        ck_assert_int_ge(sd_bus_set_bus_client(bus, true), 0);
        ck_assert_int_ge(sd_bus_start(bus), 0);
        return bus;
}

static void init_slots(struct fake_rauc *rauc)
{
        static const char *const names[] = { "rootfs.0", "rootfs.1", "rescue.0" };
        static const char *const bootnames[] = { "A", "B", "" };
        int i;

        for (i = 0; i < 3; i++) {
                rauc->slots[i] = (struct fake_slot){ .good = i != 1 };
                (void)snprintf(rauc->slots[i].name, sizeof(rauc->slots[i].name), "%s", names[i]);
                (void)snprintf(rauc->slots[i].bootname, sizeof(rauc->slots[i].bootname), "%s",
                               bootnames[i]);
        }
        (void)snprintf(rauc->slots[0].version, sizeof(rauc->slots[0].version), "v1.0");
        (void)snprintf(rauc->slots[0].status, sizeof(rauc->slots[0].status), "ok");
}

struct fake_rauc *fake_rauc_new(struct fake_host *host)
{
        struct fake_rauc *rauc = calloc(1, sizeof(*rauc));

        ck_assert_ptr_nonnull(rauc);
        rauc->host = host;
        rauc->has_inspect = true;
        rauc->has_streaming = true;
        rauc->has_hash = true;
        rauc->has_transaction = true;
        rauc->slot_type = "raw";
        rauc->image_file = "rootfs.img";
        rauc->image_hook = "pre-install";
        init_slots(rauc);
        start_daemon(rauc);
        rauc->bus = connect_bus(rauc);
        ck_assert_int_ge(sd_bus_add_object_vtable(rauc->bus, NULL, "/", INTERFACE, rauc_table,
                                                  rauc), 0);
        ck_assert_int_ge(sd_bus_add_object_vtable(rauc->bus, NULL, "/org/freedesktop/login1",
                                                  "org.freedesktop.login1.Manager", logind_table,
                                                  rauc), 0);
        ck_assert_int_ge(sd_bus_request_name(rauc->bus, "org.freedesktop.login1", 0), 0);
        fake_rauc_up(rauc);
        ck_assert_int_ge(sd_bus_attach_event(rauc->bus, host->event, 0), 0);
        return rauc;
}

struct fake_rauc *fake_rauc_free(struct fake_rauc *rauc)
{
        end_busy(rauc);
        if (rauc->get)
                end_get(rauc, NULL);
        (void)sd_bus_detach_event(rauc->bus);
        (void)sd_bus_flush_close_unref(rauc->bus);
        (void)kill(rauc->daemon_pid, SIGTERM);
        (void)waitpid(rauc->daemon_pid, NULL, 0);
        free(rauc);
        return NULL;
}
