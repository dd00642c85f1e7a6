# tests/fake: what tests put in place of the broker.
