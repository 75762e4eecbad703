"""Load tests of the hot path and the pumps. Drives commands as subprocesses; not shipped in the wheel."""
