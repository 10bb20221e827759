"""Settings of all tests: fixed examples in property tests, and Ctrl-C for the child processes."""

import signal

from hypothesis import settings

settings.register_profile("deterministic", derandomize=True, deadline=None, database=None)
settings.load_profile("deterministic")

# A shell starts background jobs with Ctrl-C ignored, and child processes would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
