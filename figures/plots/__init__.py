"""Draw one figure per module: ``draw(figure, records)``.

Read ``architectures.py`` first. Every module of a figure defines RECORDS (experiments that it
needs), OPTIONAL (those that it shows if they were begun), SIZE (width and height, in widths of the
text), CAPTION, and ``relative_height(records)`` if the height depends on the records.
Shared helpers: ``style``, ``panels``, ``groups``, ``curves``, ``grids``.
"""
