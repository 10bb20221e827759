"""Judge the claims of the paper from records: T1 to T8 of the theory, E1 to E11 on images.

Read ``images.py`` first: the claims on images and the rule for verdicts. ``cases.py`` says what
each of them compares, ``theory.py`` formats the verdicts that the theory's records hold, and
``paper_values.py`` lists the values that the paper reports.
"""

from figures.claims.cases import FAILS, HOLDS, UNCLEAR, Case
from figures.claims.images import CLAIMS, Claim, judge_claims
from figures.claims.theory import theory_verdicts

__all__ = [
    "CLAIMS",
    "FAILS",
    "HOLDS",
    "UNCLEAR",
    "Case",
    "Claim",
    "judge_claims",
    "theory_verdicts",
]
