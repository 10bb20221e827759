"""Make one table per module: ``tables(records)`` returns a list of ``Table``.

Read ``table.py`` first: a Table is written as Markdown, LaTeX or text. Every module of a table
defines RECORDS (experiments that it needs) and OPTIONAL (those that it shows if they were begun).
``readme.py`` writes the numbers of README.md.
"""

from figures.tables.table import Table

__all__ = ["Table"]
