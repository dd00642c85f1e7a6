/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-mqtt-topics - a domain, a newline, a topic: what is made is found again, whatever the bytes
 * are
 *
 * The first line is a domain, the rest a topic, and then a server's address. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/mqtt/topics.h"
#include "host/util/address.h"
#include "host/util/topic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const char *domain)
{
        const char *const domains[] = { domain };

        for (size_t i = 0; i < TOPICS_KINDS; i++) {
                char topic[TOPICS_SIZE];
                enum topics_kind kind;
                size_t found;

                if (topics_make((enum topics_kind)i, domain, topic) < 0)
                        return;
                if (!topic_is_name(topic))
                        abort();
                if (topics_parse(topic, domains, 1, &kind, &found) < 0 || kind != i || found != 0)
                        abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = malloc(size + 1);
        struct address address;
        enum topics_kind kind;
        const char *topic;
        char *newline;
        size_t found;

        if (!text)
                return 0;
        memcpy(text, data, size);
        text[size] = '\0';
        newline = strchr(text, '\n');
        if (newline)
                *newline = '\0';
        topic = newline ? newline + 1 : "";
        check_round_trip(text);
        (void)topics_parse(topic, (const char *const[]){ text }, 1, &kind, &found);
        if (address_parse(topic, NULL, &address) >= 0 && strlen(address.host) >= ADDRESS_HOST_SIZE)
                abort();
        free(text);
        return 0;
}
