"""The composition root: the command line, the supervisor, the embedded store. Knows both sides."""
