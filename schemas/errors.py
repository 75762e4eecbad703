"""The base of errors that a person can act on."""


class Explained(Exception):
    """A failure whose message says all: what happened, and which setting or file to look at.

    A process that ends with one logs the message alone; anything else is logged with its traceback.
    """
