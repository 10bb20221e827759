"""A paired difference as the report says it: its value, its verdict, and words for a sentence, each under a key of its own."""

from __future__ import annotations

from figures.statistics.intervals import Estimate

WORDS = {
    "lower": "lower than",
    "higher": "higher than",
    "no clear difference": "not clearly different from",
    "one seed": "of one seed, hence not comparable with",
}


def verdict(difference: Estimate) -> str:
    """``lower`` or ``higher`` if the 95% interval leaves out 0; of one seed there is none."""
    if difference.n < 2:
        return "one seed"
    if not difference.clear:
        return "no clear difference"
    return "lower" if difference.mean < 0 else "higher"


def said(key: str, difference: Estimate) -> dict[str, str]:
    """``key``: ``$-0.14 \\pm 0.18$``; ``key.verdict``; ``key.words``; and ``key.lower``, or ``key.higher``, if that is so."""
    found = verdict(difference)
    half = f" \\pm {difference.half:.2f}" if difference.n > 1 else ""
    values = {
        key: f"${difference.mean:+.2f}{half}$",
        f"{key}.verdict": found,
        f"{key}.words": WORDS[found],
    }
    return values | ({f"{key}.{found}": "1"} if found in ("lower", "higher") else {})
