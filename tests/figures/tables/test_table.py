"""One table as Markdown, LaTeX and text."""

from figures.tables.table import Table, escape_latex, format_signed


def test_a_table_in_three_forms():
    table = Table(
        "Error, %",
        ("method", "±"),
        (("TADA(2)", format_signed(-1.25, 0.5)), ("Syn_all", "12%")),
        "A note.",
    )
    assert table.markdown().splitlines()[2:] == [
        "| method | ± |",
        "| --- | ---: |",
        "| TADA(2) | −1.2 ± 0.5 |",
        "| Syn_all | 12% |",
        "",
        "A note.",
    ]
    latex = table.latex()
    assert r"TADA(2) & $-$1.2 $\pm$ 0.5 \\" in latex
    assert r"Syn\_all & 12\% \\" in latex
    assert r"($\beta$$_e$)$^3$ $<$ 1" in Table("(β_e)³ < 1", ("a",), ()).latex()
    assert latex.count(r"\begin{longtable}{@{}lr@{}}") == latex.count(r"\end{longtable}") == 1
    assert latex.count("{") == latex.count("}")
    assert latex.index(r"\end{longtable}") < latex.index("A note.")
    wide = Table("Wide", ("case", "verdict"), (("word " * 30, "holds"),)).latex()
    assert r"\arraybackslash" in wide
    assert wide.splitlines()[1].endswith("l@{}}")
    text = table.text(width=60).splitlines()
    assert text[1].split() == ["method", "±"]
    assert text[3].split() == ["TADA(2)", "−1.2", "±", "0.5"]
    assert text[1].index("±") == text[3].rindex("5")  # numbers are aligned to the right


def test_a_value_of_one_seed_has_no_interval():
    assert format_signed(0.5, float("nan")) == "+0.5"


def test_tables_are_labelled_and_their_words_wrapped():
    table = Table(
        "A title",
        ("case", "asks", "mean"),
        ((("word " * 20).strip(), "why " * 20, "+0.1"),) * 8,
        "A note: β_e.",
    )
    lines = table.latex("tab:it").splitlines()
    assert r"\label{tab:it}" in lines[2]
    assert lines[1].count("p{") == 2
    assert lines[1].endswith("r@{}}")
    assert sum(line.endswith(r"\\*") for line in lines) == 6
    assert r"\label" not in table.latex()
    assert escape_latex("Var_U - Var_G") == "Var$_U$ $-$ Var$_G$"
    assert escape_latex("test_error") == r"test\_error"
    assert escape_latex("φ = 1-t^3") == r"$\varphi$ = 1-t$^3$"
    assert escape_latex("θ, a^b") == r"$\theta$, a\textasciicircum{}b"
