"""Fixtures that tests of several parts share, and how much Hypothesis tries.

A failure prints the line that repeats it (`reproduce_failure`); `--hypothesis-profile=long` tries
fifty times as much, `fuzz` five hundred times (`make fuzz`, most of an hour).
"""

from hypothesis import settings

pytest_plugins = ["tests.support.kafka"]

settings.register_profile("short", max_examples=40, deadline=None, print_blob=True)
settings.register_profile("long", max_examples=2000, deadline=None, print_blob=True)
settings.register_profile("fuzz", max_examples=20_000, deadline=None, print_blob=True)
settings.load_profile("short")
