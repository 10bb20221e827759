"""Property tests draw the same examples every time, and are never timed; Ctrl-C reaches what the tests start."""

import signal

from hypothesis import settings

settings.register_profile("deterministic", derandomize=True, deadline=None, database=None)
settings.load_profile("deterministic")

# a shell starts what it puts into the background with Ctrl-C ignored, and children would inherit that
signal.signal(signal.SIGINT, signal.default_int_handler)
