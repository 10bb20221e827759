"""Draw the figures, tables and numbers of the paper from records; nothing is computed here.

Read ``draw.py`` first, then one of ``plots/``. Rooms: ``records`` (the files between computing and
drawing, the only part that ``theory`` and ``empirical`` import), ``statistics``, ``claims``,
``plots``, ``tables`` and ``report``; ``labels.py`` holds all names and colours.
Command line: ``python -m figures --help``.
"""
