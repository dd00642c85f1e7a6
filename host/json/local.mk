# host/json: reading, checking, patching and writing JSON; the only place in the host that sees cJSON.
