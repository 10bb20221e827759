"""Write ``index.html`` beside the drawings: all with their captions, claims and commands."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from figures.draw import claims_of, is_figure, load_drawer
from figures.records import atomic_write

PAGE = "index.html"
SYMBOLS = {"kappa": "κ", "varphi": "φ", "phi": "φ", "sigma": "σ", "alpha": "α", "beta": "β"}
SYMBOLS |= {"rho": "ρ", "xi": "ξ", "eta": "η", "ge": "≥", "le": "≤", "pm": "±", "times": "×"}
STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; }
nav a { display: inline-block; margin-right: .8em; }
figure, section { margin: 2rem 0; }
img { background: white; height: auto; max-width: 100%; }
figcaption { max-width: 45rem; }
.from { color: light-dark(#555, #aaa); font-size: .85rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; }
th, td { border-bottom: 1px solid light-dark(#ccc, #555); padding: .2em .6em; text-align: left; }
"""


def write_gallery(
    folder: Path, names: Iterable[str], origins: Mapping[str, str], claims: Sequence[Mapping]
) -> Path:
    """Write the page for the drawings in ``folder``; return its path.

    names: figures and tables; those that were not drawn are left out. origins: name -> where its
    records come from. claims: cases as ``claims_as_json`` gives them; their claims' verdicts stand
    beside the figures that show them.
    """
    found = [name for name in names if (folder / f"{name}{suffix_of(name)}").exists()]
    verdicts = verdicts_by_claim(claims)
    links = " ".join(f'<a href="#{name}">{name}</a>' for name in found)
    parts = [entry(folder, name, origins.get(name, ""), verdicts) for name in found]
    page = (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>TADA: figures and tables</title>\n<style>{STYLE}</style>\n"
        f"<h1>Figures and tables</h1>\n<nav>{links}</nav>\n{''.join(parts)}</html>\n"
    )
    with atomic_write(folder / PAGE) as temporary:
        temporary.write_text(page)
    return folder / PAGE


def suffix_of(name: str) -> str:
    """Return the suffix of the file that the page shows."""
    return ".png" if is_figure(name) else ".md"


def verdicts_by_claim(cases: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return claim -> its verdicts in a few words, such as ``holds in 3 of 4 cases``."""
    listed: dict[str, list[str]] = {}
    for case in cases:
        if case.get("decides", True):
            claim = re.match(r"[TE]\d+", case["id"])
            if claim:
                listed.setdefault(claim[0], []).append(str(case["verdict"]))
    return {
        claim: f"holds in {found.count('holds')} of {len(found)} cases"
        for claim, found in listed.items()
    }


def entry(folder: Path, name: str, origin: str, verdicts: Mapping[str, str]) -> str:
    """Return the part of the page on one figure or table."""
    drawer = load_drawer(name)
    said = [f"{one}: {verdicts[one]}" for one in claims_of(drawer) if one in verdicts]
    lines = "; ".join(said)
    foot = f"<p class=from>{html.escape(lines)}</p>" if said else ""
    foot += f"<p class=from>{html.escape(origin)}<br><code>python -m figures draw {name}</code></p>"
    if not is_figure(name):
        body = as_html((folder / f"{name}.md").read_text())
        return f"<section id={name} class=table><h2>{name}</h2>{body}{foot}</section>\n"
    text = html.escape(plain(drawer.CAPTION))
    return (
        f"<figure id={name}><h2>{name}</h2>"
        f'<a href="{name}.pdf"><img src="{name}.png" alt="{text}" loading="lazy"></a>'
        f"<figcaption>{text}</figcaption>{foot}</figure>\n"
    )


def plain(caption: str) -> str:
    """Return a caption without the marks of LaTeX."""
    text = re.sub(r"\\(?:mathrm|text|emph|mathbf)\{([^}]*)\}", r"\1", caption)
    text = re.sub(r"\\([A-Za-z]+) ?", lambda found: SYMBOLS.get(found[1], found[1]), text)
    return re.sub(r"[${}\\]", "", text).replace("~", " ")


def as_html(markdown: str) -> str:
    """Return Markdown with tables as HTML."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown)
