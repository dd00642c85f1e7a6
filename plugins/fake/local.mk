# plugins/fake: the fake agent, for tests and demonstrations.
