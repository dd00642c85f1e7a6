# host: the daemon's main().
