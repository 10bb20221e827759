"""Named experiments, and the jobs that compute their records.

Read ``registry.py`` first (which experiments there are), then ``jobs.py`` (what has to be done for
them, in which order), ``stages.py`` (how one job is done) and ``runner.py`` (many jobs at once).
``kinds.py`` tells the kinds of runs apart; ``cost.py`` estimates times without computing.
"""
