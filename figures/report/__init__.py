"""Write the figures, tables and numbers that the LaTeX report reads, from the committed records.

Read ``build.py`` first. ``keys.py`` finds the keys and drawings that the report asks for;
``numbers.py`` makes the numbers of the theory, of the claims and of the paper, ``image_numbers.py``
those of one experiment on images.
"""

from figures.report.build import build_report

__all__ = ["build_report"]
