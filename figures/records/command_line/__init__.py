"""Command lines: shared arguments, errors in one line. Read ``cli.py`` first."""
