"""Put a paired difference into the words and numbers of the report."""

from __future__ import annotations

from figures.statistics.intervals import Estimate

WORDS = {
    "lower": "lower than",
    "higher": "higher than",
    "no clear difference": "not clearly different from",
    "one seed": "of one seed, hence not comparable with",
}


def difference_verdict(difference: Estimate) -> str:
    """Return ``lower`` or ``higher`` if the 95% interval excludes 0, else why there is no verdict.

    The other two are ``one seed`` (n < 2) and ``no clear difference``.
    """
    if difference.n < 2:
        return "one seed"
    if not difference.excludes_zero:
        return "no clear difference"
    return "lower" if difference.mean < 0 else "higher"


def format_difference(difference: Estimate) -> str:
    r"""Return a difference as LaTeX, ``$-0.14 \pm 0.18$``; for one seed without an interval."""
    interval = f" \\pm {difference.half:.2f}" if difference.n > 1 else ""
    return f"${difference.mean:+.2f}{interval}$"


def difference_text(difference: Estimate, part: str = "") -> str | None:
    """Return a difference as the report reads it.

    part: empty for the number; ``verdict``; ``words``, such as ``lower than``; or ``lower`` or
        ``higher``, which give the flag ``1`` if that is the verdict and None if not.

    None also for an unknown part.
    """
    verdict = difference_verdict(difference)
    match part:
        case "":
            return format_difference(difference)
        case "verdict":
            return verdict
        case "words":
            return WORDS[verdict]
        case "lower" | "higher":
            return "1" if part == verdict else None
    return None
