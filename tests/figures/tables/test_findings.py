"""Test the table of a dozen findings that opens the README."""

import pytest

from figures.claims.images import CLAIMS as IMAGE_CLAIMS
from figures.claims.theory import RECORD, theory_verdicts
from figures.records import COMMITTED, load_some
from figures.tables import findings
from theory.claims import CLAIMS as THEORY_CLAIMS


def test_every_claim_is_in_one_finding_and_there_are_a_dozen():
    named = [claim for _, claims in findings.FINDINGS for claim in claims]
    assert sorted(named) == sorted([*THEORY_CLAIMS, *(claim.id for claim in IMAGE_CLAIMS)])
    assert len(findings.FINDINGS) <= 12


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        ([], "not run"),
        (["holds", "holds"], "holds"),
        (["not enough data"], "undecided"),
        (["fails", "holds", "not enough data", "holds"], "2 holds, 1 fails, 1 undecided"),
        (["under-fit", "not run"], "1 under-fit, 1 not run"),
    ],
)
def test_verdicts_are_summed_up(verdicts, words):
    assert findings.summed(verdicts) == words


def test_the_table_says_what_the_records_say():
    names = (*findings.RECORDS, *findings.OPTIONAL)
    records = {name: load_some(name, (COMMITTED,)) for name in names}
    (table,) = findings.tables(records)
    rows = {row[0].rpartition("(")[2].rstrip(")"): row[1:] for row in table.rows}
    cases = [v for v in theory_verdicts(records[RECORD]) if v["id"].startswith("T3")]
    assert rows["T3"][0] == f"{sum(case['holds'] for case in cases)} of {len(cases)}"
    assert rows["T3"][2] == "holds"  # noise memorised, on images with ideal variants
    assert rows["E4"][0] == ""
    assert rows["T2"][1:] == ("", "", "", "")  # no claim on images
    assert {row[4] for name, row in rows.items() if "E" in name} == {"not run"}


def test_data_sets_belong_to_one_column_each():
    names = (
        "noisy-digits",
        "digits",
        "noisy-digits with pattern, ideal generator",
        "noisy-digits, ideal generator",
        "CIFAR-10 (reduced)",
        "CIFAR-10 (reduced, crop and flip)",
        "TinyImageNet (paper scale)",
    )
    for name in names:
        assert sum(belongs(name) for belongs in findings.COLUMNS.values()) == 1
