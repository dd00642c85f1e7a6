/* SPDX-License-Identifier: Apache-2.0
 *
 * probe - a library through which abidw(1) sees the whole ABI
 *
 * A dump describes what can be reached from exported functions.  The service tables cannot: get()
 * returns `const void *`.  So this library exports one function that takes a pointer to every
 * public struct; it is never called. */
#define UB_ABI_MINOR_WANTED UB_ABI_MINOR
#include <update-broker/plugin.h>

__attribute__((visibility("default"))) void
ub_abi_probe(const struct ub_plugin *plugin, const struct ub_life *life,
             const struct ub_agent *agent, const struct ub_connector *connector,
             const struct ub_host *host, const struct ub_log *log, const struct ub_spawn *spawn,
             const struct ub_mqtt *mqtt, const struct ub_orchestrator *orchestrator);

void ub_abi_probe(const struct ub_plugin *plugin, const struct ub_life *life,
                  const struct ub_agent *agent, const struct ub_connector *connector,
                  const struct ub_host *host, const struct ub_log *log,
                  const struct ub_spawn *spawn, const struct ub_mqtt *mqtt,
                  const struct ub_orchestrator *orchestrator)
{
        (void)plugin;
        (void)life;
        (void)agent;
        (void)connector;
        (void)host;
        (void)log;
        (void)spawn;
        (void)mqtt;
        (void)orchestrator;
}

const struct ub_plugin *ub_plugin_v1(void)
{
        return NULL;
}
