# host/plugin: loading plugins, and instances of them in this process or in one of their own.
