/* SPDX-License-Identifier: Apache-2.0
 *
 * test-domain - which domains there are, who serves them, and where their values come from */
#define _GNU_SOURCE
#include <stdio.h>

#include "tests/unit/load-settings.h"
#include "folder.h"
#include "host/config/confd.h"
#include "host/config/domain.h"
#include "host/util/time.h"
#include "unit.h"

/* The registrations of one folder. */
static struct confd *load_confd(const struct folder *folder)
{
        const char *const dirs[] = { folder->path };
        const struct confd_options options = { .dirs = dirs, .n_dirs = 1, .owner = geteuid() };
        struct confd *confd = NULL;

        ck_assert_int_eq(confd_load(&options, &confd), 0);
        return confd;
}

/* "containers=remote self-update=rauc", then the problems, if there are any. */
static const char *list_domains(const struct folder *folder, const struct given *given)
{
        static char text[8192];
        CLEANUP(confd_freep) struct confd *confd = load_confd(folder);
        CLEANUP(settings_freep) struct settings *settings = load(given);
        CLEANUP(domains_freep) struct domains *domains = NULL;
        size_t length = 0;
        size_t i;

        ck_assert_int_eq(domains_new(settings, confd, &domains), 0);
        text[0] = '\0';
        for (i = 0; i < domains->n; i++) {
                const struct domain *domain = &domains->items[i];

                ck_assert_ptr_eq(domains_find(domains, domain->id), domain);
                length += (size_t)snprintf(
                        text + length, sizeof(text) - length, "%s%s=%s", i ? " " : "", domain->id,
                        domain->registration ? domain->registration->id : "remote");
        }
        if (domains->problems.n)
                (void)snprintf(text + length, sizeof(text) - length, "\n%s",
                               describe(&domains->problems));
        return text;
}

#define DOMAINS(folder, ...) list_domains(folder, &(struct given){ __VA_ARGS__ })
#define TWO_AGENTS "{ \"agents\": { \"self-update\": {}, \"containers\": {} } }"

START_TEST(without_agents_there_is_the_one_that_kanto_has)
{
        CLEANUP(folder_done) struct folder folder = folder_new();

        ck_assert_str_eq(DOMAINS(&folder, .file = "{}"), "containers=remote");
        ck_assert_str_eq(DOMAINS(&folder, .file = "{ \"agents\": null }"), "containers=remote");
        ck_assert_str_eq(DOMAINS(&folder, .file = "{ \"agents\": {} }"), "");
        folder_write(&folder, "50-os.conf",
                     "{ \"agent\": \"os\", \"plugin\": \"rauc\", \"enabled\": true }");
        ck_assert_str_eq(DOMAINS(&folder, .file = "{}"), "os=os");
}
END_TEST

START_TEST(a_domain_is_hosted_when_an_enabled_registration_serves_it)
{
        CLEANUP(folder_done) struct folder folder = folder_new();

        folder_write(&folder, "50-os.conf", "{ \"agent\": \"os\", \"domain\": \"self-update\", "
                                            "\"plugin\": \"rauc\", \"enabled\": true }");
        folder_write(&folder, "50-containers.conf",
                     "{ \"agent\": \"containers\", \"plugin\": \"c\" }");
        folder_write(&folder, "50-cloud.conf",
                     "{ \"connector\": \"cloud\", \"plugin\": \"c\", \"enabled\": true }");
        folder_write(&folder, "50-more.conf",
                     "{ \"agent\": \"more\", \"plugin\": \"m\", \"enabled\": true }");
        ck_assert_str_eq(DOMAINS(&folder, .file = TWO_AGENTS),
                         "self-update=os containers=remote more=more");
}
END_TEST

START_TEST(a_faulty_registration_keeps_its_domain)
{
        CLEANUP(folder_done) struct folder folder = folder_new();

        folder_write(&folder, "50-a.conf",
                     "{ \"agent\": \"a\", \"enabled\": true, \"domain\": \"x\" }");
        folder_write(&folder, "50-b.conf", "{ \"agent\": \"b\", \"colour\": 1 }");
        folder_write(&folder, "50-c.conf", "{");
        ck_assert_str_eq(DOMAINS(&folder, .file = "{ \"agents\": { \"x\": {}, \"b\": {} } }"),
                         "x=a b=remote c=c");
}
END_TEST

START_TEST(the_domains_option_filters_and_adds)
{
        CLEANUP(folder_done) struct folder folder = folder_new();

        ck_assert_str_eq(
                DOMAINS(&folder, .file = TWO_AGENTS, .options = { "-domains=x,containers,x" }),
                "x=remote containers=remote");
        ck_assert_str_eq(
                DOMAINS(&folder, .file = TWO_AGENTS, .environment = { "DOMAINS=self-update" }),
                "self-update=remote");
        ck_assert_str_eq(DOMAINS(&folder, .file = TWO_AGENTS, .environment = { "DOMAINS=a" },
                                 .options = { "-domains", "b" }),
                         "b=remote");
        ck_assert_str_eq(
                DOMAINS(&folder, .options = { "-domains", "a b" }),
                "a b=remote\nerror: domain a b: a domain is made of 1 to 64 letters, digits, "
                "\".\", \"_\" or \"-\"");
}
END_TEST

START_TEST(a_domains_values_come_from_its_own_options_and_variables)
{
        CLEANUP(folder_done) struct folder folder = folder_new();
        CLEANUP(confd_freep) struct confd *confd = load_confd(&folder);
        CLEANUP(domains_freep) struct domains *domains = NULL;
        const struct domain *a;
        const struct domain *b;
        LOAD(settings,
             .file = "{ \"agents\": { \"self-update\": { \"readTimeout\": \"2s\" },"
                     " \"b\": { \"readTimeout\": \"3s\", \"rebootRequired\": true } } }",
             .environment = { "SELF_UPDATE_READ_TIMEOUT=5s", "B_REBOOT_REQUIRED=false",
                              "B_READ_TIMEOUT=4s" },
             .options = { "-b-read-timeout", "6s", "--self-update-reboot-required" });

        ck_assert_int_eq(domains_new(settings, confd, &domains), 0);
        a = domains_find(domains, "self-update");
        b = domains_find(domains, "b");
        ck_assert_uint_eq(a->read_timeout_usec, 5 * USEC_PER_SEC);
        ck_assert_int_eq(a->origins[DOMAIN_READ_TIMEOUT].source, SETTING_SOURCE_ENVIRONMENT);
        ck_assert(a->reboot_required);
        ck_assert_uint_eq(b->read_timeout_usec, 6 * USEC_PER_SEC);
        ck_assert_int_eq(b->origins[DOMAIN_READ_TIMEOUT].source, SETTING_SOURCE_OPTION);
        ck_assert(!b->reboot_required);
        ck_assert_ptr_null(domains_find(domains, "c"));
}
END_TEST

START_TEST(faults_of_a_domains_values_are_named)
{
        CLEANUP(folder_done) struct folder folder = folder_new();

        ck_assert_str_eq(
                DOMAINS(&folder, .options = { "-contaienrs-read-timeout=1s" }),
                "containers=remote\nerror: option -contaienrs-read-timeout: there is no domain "
                "\"contaienrs\"; did you mean \"containers\"?");
        ck_assert_str_eq(DOMAINS(&folder, .options = { "-containers-read-timeout=x" }),
                         "containers=remote\nerror: option -containers-read-timeout: expected a "
                         "duration such as \"30s\" or \"1m30s\", not \"x\"");
        ck_assert_str_eq(DOMAINS(&folder, .environment = { "CONTAINERS_READ_TIMEOUT=x" }),
                         "containers=remote\nwarning: variable CONTAINERS_READ_TIMEOUT: expected a "
                         "duration such as \"30s\" or \"1m30s\", not \"x\"");
}
END_TEST

START_TEST(two_domains_cannot_have_the_same_topics)
{
        CLEANUP(folder_done) struct folder folder = folder_new();

        ck_assert_str_eq(
                DOMAINS(&folder, .file = "{ \"agents\": { \"self\": {},\n"
                                         "\"self-update\": {} } }"),
                "self=remote self-update=remote\n"
                "error: f.json:2:1: agents.self-update: domain \"self-update\" has the topics "
                "of domain \"self\", selfupdate/...");
        ck_assert_str_eq(DOMAINS(&folder, .file = "{ \"domain\": \"containers-update\" }"),
                         "containers=remote\n"
                         "error: domain containers: domain \"containers\" has the topics of the "
                         "device's own domain \"containers-update\", containersupdate/...");
}
END_TEST

UNIT_MAIN("domain",
          without_agents_there_is_the_one_that_kanto_has,
          a_domain_is_hosted_when_an_enabled_registration_serves_it,
          a_faulty_registration_keeps_its_domain,
          the_domains_option_filters_and_adds,
          a_domains_values_come_from_its_own_options_and_variables,
          faults_of_a_domains_values_are_named,
          two_domains_cannot_have_the_same_topics)
