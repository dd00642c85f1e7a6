# SPDX-License-Identifier: Apache-2.0
"""leda - the feedback of Leda's self-update agent, word for word

Section 1.4 of its reference numbers the messages; the names here say what they mean.  Each returns the payload.
"""
UPDATING = "Self-update agent is performing an OS image update."
ACTIVATING = "Self-update agent is performing an OS image activation."
ACTIVATED = "Self-update agent has activated the new OS image."
NOT_ACTIVATED = "Self-update agent has failed to activate the new OS image."
SAME = "Current OS image is equal to the target one from desired state."
ABOUT = "Self-update agent is about to perform an OS image update."
MISMATCH = "Bundle version does not match version in desired state request."
BACK = "Self-update agent is rolling back."


def plain(status, message):
    return {"status": status, "message": message, "actions": []}


def action(status, message, word, progress, text, version="v2.0"):
    return {"status": status, "message": message, "actions": [
        {"component": {"id": "self-update:os-image", "version": version}, "status": word, "progress": progress,
         "message": text}]}


def identifying():
    return plain("IDENTIFYING", "Self-update agent has received new desired state request and is evaluating it.")


def identified(version="v2.0"):
    return action("IDENTIFIED", ABOUT, "IDENTIFIED", 0, ABOUT, version)


def not_identified(reason):
    return plain("IDENTIFICATION_FAILED", reason)


def nothing_to_do():
    return plain("IDENTIFIED", SAME)


def skipped():
    return plain("COMPLETED", SAME)


def mib(size):
    return "%.1f MiB..." % (size / 1048576)


def is_downloading(progress, payload):
    text = payload["actions"][0]["message"]
    version = payload["actions"][0]["component"]["version"]
    assert payload == action("DOWNLOADING", UPDATING, "DOWNLOADING", progress, text, version), payload
    assert text.startswith("Downloading ") and text.endswith(" MiB..."), text
    if progress == 0:
        assert text == "Downloading 0.0 MiB...", text


def downloaded(size, version="v2.0"):
    return action("DOWNLOAD_SUCCESS", UPDATING, "DOWNLOAD_SUCCESS", 100, "Downloaded " + mib(size), version)


def download_failed(reason, progress=0, version="v2.0"):
    return action("DOWNLOAD_FAILURE", "Download failed.", "DOWNLOAD_FAILURE", progress, reason, version)


def checking(version="v2.0"):
    return action("UPDATING", UPDATING, "UPDATING", 0, "Checking bundle version and version in desired state request.",
                  version)


def is_installing(progress, payload):
    version = payload["actions"][0]["component"]["version"]
    assert payload == action("UPDATING", UPDATING, "UPDATING", progress, "RAUC install...", version), payload


def installed(version="v2.0"):
    return action("UPDATE_SUCCESS", "Self-update completed, reboot required.", "UPDATING", 100,
                  "Writing partition completed, reboot required.", version)


def install_failed(reason, progress=0, version="v2.0"):
    return action("UPDATE_FAILURE", "Install failed.", "UPDATE_FAILURE", progress, reason, version)


def rejected(version="v2.0"):
    return action("UPDATE_FAILURE", "Update rejected.", "UPDATE_FAILURE", 0, MISMATCH, version)


def activating(version="v2.0"):
    return action("ACTIVATING", ACTIVATING, "UPDATING", 0, ACTIVATING, version)


def activated(version="v2.0"):
    return action("ACTIVATION_SUCCESS", ACTIVATED, "UPDATED", 0, ACTIVATED, version)


def cleaned(word="UPDATE_SUCCESS", text=ACTIVATED, version="v2.0"):
    return action("CLEANUP_SUCCESS", "Self-update agent has cleaned up after itself.", word, 0, text, version)


def complete(version="v2.0"):
    return action("COMPLETE", "Self-update completed.", "UPDATE_SUCCESS", 0, ACTIVATED, version)


def incomplete(word, text, version="v2.0"):
    return action("INCOMPLETE", "Self-update incomplete.", word, 0, text, version)


def confirmed(version="v2.0"):
    text = "New OS image confirmed after reboot."
    return action("COMPLETED", text, "UPDATE_SUCCESS", 100, text, version)


def rolling_back(version="v2.0"):
    return action("ROLLBACK", BACK, "UPDATING", 0, BACK, version)


def rolled_back(version="v2.0"):
    return action("ROLLBACK_SUCCESS", "Self-update agent has rolled back.", "UPDATE_FAILURE", 0,
                  "Update rolled back on request.", version)
