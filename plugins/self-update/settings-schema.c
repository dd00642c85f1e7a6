/* SPDX-License-Identifier: Apache-2.0
 *
 * settings-schema - JSON Schema of the settings, for `update-brokerd --check-config` and ubctl
 *
 * The order is that of struct settings. */
#include "plugins/self-update/settings.h"

#define OBJECT(properties) \
        "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" properties "}}"
#define BOOLEAN "{\"type\":\"boolean\"}"
#define NAME "{\"type\":\"string\",\"minLength\":1,\"maxLength\":127}"
#define VERSION "{\"type\":\"string\",\"maxLength\":127}"
#define TEXT "{\"type\":\"string\",\"maxLength\":511}"
#define PATH "{\"type\":\"string\",\"maxLength\":511}"
#define URL "{\"type\":\"string\",\"maxLength\":1023}"
#define TIME "{\"type\":[\"string\",\"integer\"],\"minimum\":0}"
#define SIZE "{\"type\":[\"string\",\"integer\"],\"minimum\":0}"
#define LIST "{\"type\":\"array\",\"maxItems\":16,\"items\":" TEXT "}"

#define ROOT                                                                     \
        "\"profile\":{\"enum\":[\"leda\",\"kanto\"]},"                           \
        "\"component\":" NAME ",\"imageNode\":" NAME ","                         \
        "\"strictComponents\":" BOOLEAN ","                                      \
        "\"mode\":{\"enum\":[\"download\",\"stream\"]},"                         \
        "\"allowFullDownload\":" BOOLEAN ","                                     \
        "\"preflight\":{\"enum\":[\"auto\",\"on\",\"off\"]},"               \
        "\"verify\":{\"enum\":[\"update\",\"download\"]},"                       \
        "\"readBack\":{\"enum\":[\"auto\",\"require\",\"off\"]},"              \
        "\"httpsOnly\":" BOOLEAN ","                                             \
        "\"finalStatus\":{\"enum\":[\"COMPLETE\",\"COMPLETED\"]},"               \
        "\"rollbackFeedback\":" BOOLEAN ",\"rejectOutOfOrder\":" BOOLEAN ","     \
        "\"reportAfterReboot\":" BOOLEAN ",\"details\":" BOOLEAN ","             \
        "\"downgrade\":{\"enum\":[\"allow\",\"deny\",\"semver\"]},"                         \
        "\"minimumVersion\":" VERSION ","                                        \
        "\"maxFailedBoots\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000}," \
        "\"confirmEveryBoot\":" BOOLEAN ","                                      \
        "\"reboot\":{\"enum\":[\"logind\",\"none\"]},\"rebootAfter\":" TIME ","  \
        "\"folder\":" PATH ",\"bootIdFile\":" PATH ",\"osRelease\":" PATH ","

#define DOWNLOAD                                                                 \
        "\"maxBytes\":" SIZE ",\"keepFree\":" SIZE ",\"bytesPerSecond\":" SIZE "," \
        "\"attempts\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000},"    \
        "\"retryMax\":" TIME ",\"totalTimeout\":" TIME ","                       \
        "\"connectTimeout\":" TIME ",\"silenceTimeout\":" TIME ","               \
        "\"progressInterval\":" TIME ","                                         \
        "\"caFile\":" PATH ",\"certFile\":" PATH ",\"keyFile\":" PATH ","        \
        "\"proxy\":" TEXT ",\"headersFile\":" PATH

#define RAUC                                                                     \
        "\"bus\":" TEXT ",\"autostart\":" BOOLEAN ","                            \
        "\"busyTimeout\":" TIME ",\"silenceTimeout\":" TIME

#define HEALTH                                                                   \
        "\"folder\":" PATH ",\"timeout\":" TIME ",\"interval\":" TIME ","        \
        "\"runTimeout\":" TIME ",\"units\":" LIST ",\"writable\":" LIST ","      \
        "\"url\":" URL ",\"mqtt\":" BOOLEAN

#define REQUEST "\"keys\":" LIST ",\"maxLifetime\":" TIME

#define CLOCK "\"notBefore\":" VERSION ",\"wait\":" TIME

#define WATCH                                                                    \
        "\"folder\":" PATH ",\"interval\":" TIME ","                             \
        "\"install\":" BOOLEAN ",\"reboot\":" BOOLEAN

#define SECTIONS                                                                 \
        "\"download\":" OBJECT(DOWNLOAD) ",\"rauc\":" OBJECT(RAUC) ","           \
        "\"health\":" OBJECT(HEALTH) ",\"request\":" OBJECT(REQUEST) ","         \
        "\"clock\":" OBJECT(CLOCK) ",\"watch\":" OBJECT(WATCH)

const char settings_schema[] = OBJECT(ROOT SECTIONS);
