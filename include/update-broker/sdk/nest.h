/* SPDX-License-Identifier: Apache-2.0
 *
 * update-broker/sdk/nest.h - a private sd_event inside the host's loop
 *
 * A plugin that uses sd-bus makes an sd_event of its own, attaches its buses and sources to it, and
 * nests it:
 *
 *     r = sd_event_new(&event);
 *     r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
 *     r = ub_nest_sd_event(host, event, &nest);
 *     ...
 *     nest = ub_nest_free(nest);
 *     event = sd_event_unref(event);
 *
 * Never sd_event_default(): in-process that would be somebody else's.  A plugin that includes this
 * links libsystemd itself. */
#ifndef UPDATE_BROKER_SDK_NEST_H
#define UPDATE_BROKER_SDK_NEST_H

#ifdef __cplusplus
extern "C" {
#endif

struct sd_event;
struct ub_host;
struct ub_nest;

/* Begins to dispatch event's sources on the loop thread; none runs inside this call.  event gets a
 * reference, host is borrowed.  Call it in start(), not in create().  What host->io reports, or
 * -ENOMEM.  sd_event_exit() on event ends the nesting: nothing of it runs any more. */
int ub_nest_sd_event(const struct ub_host *host, struct sd_event *event, struct ub_nest **ret);

/* Looks at event's sources again, soon.  Call it after adding a source, arming a timer or sending
 * on a bus outside of event's own handlers, such as in ub_agent.command: sd_event takes that in
 * before it waits, and the wait is the host's. */
int ub_nest_kick(struct ub_nest *nest);

/* Stops dispatching, at once.  May be called from inside a handler of event.  Takes NULL and
 * returns NULL. */
struct ub_nest *ub_nest_free(struct ub_nest *nest);

#ifdef __cplusplus
}
#endif

#endif /* UPDATE_BROKER_SDK_NEST_H */
