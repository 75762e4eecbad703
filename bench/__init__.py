"""Load tests of the hot path and the pumps; drives commands as subprocesses, not in the wheel."""
