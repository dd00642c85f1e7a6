# host/plugin-check: ub-plugin-check, which tells a vendor whether a plugin keeps the rules.
