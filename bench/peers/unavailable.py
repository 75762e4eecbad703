"""What can't be had here, as an exception whose message is a sentence for the result."""


class UnavailableError(Exception):
    """A peer can't be installed or started on this machine; the message says why."""
