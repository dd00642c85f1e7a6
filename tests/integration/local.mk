# tests/integration: real processes and real servers, one sentence each.
