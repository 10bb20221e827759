"""Parallel worker processes. Read ``jobs.py`` first; ``pool.py`` starts and stops them."""
