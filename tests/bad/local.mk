# tests/bad: plugins that break one rule each.
