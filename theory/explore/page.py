"""Put the page together: one HTML file with its style, its scripts and its tables inside."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from figures.records import atomic_write
from theory.config import Distribution, Method, Network, Optimiser
from theory.explore.fields import DEFAULTS, FIELDS, VIEW
from theory.explore.presets import PRESETS
from theory.explore.tables import erfc_series, ziggurats

HERE = Path(__file__).parent
# in this order, as each file uses those before it
ENGINE = ("streams", "draw", "kernel", "dynamics", "population", "forms", "race", "measures")
SCRIPTS = (
    "state",
    "pool",
    "chart",
    "strip",
    "seeds",
    "map",
    "table",
    "files",
    "words",
    "controls",
    "main",
)


def engine() -> str:
    """Return the engine's script with its tables; it needs no page, and runs in node as well."""
    tables = {"ziggurat": ziggurats(), "erfc": {"coefficients": erfc_series()}}
    files = [(HERE / "engine" / f"{name}.js").read_text() for name in ENGINE]
    return "\n".join(['"use strict";', f"const TABLES = {json.dumps(tables)};", *files])


def description(preset: str = "start") -> str:
    """Return the script that describes the page: fields, presets, and Python's defaults.

    preset: the one that is shown where the address names none.
    """
    parts: dict[str, Distribution | Network | Optimiser | Method] = {
        "distribution": Distribution(),
        "network": Network(),
        "optimiser": Optimiser(),
        "method": Method(),
    }
    page: dict[str, Any] = {
        "fields": {key: asdict(field) | {"view": key in VIEW} for key, field in FIELDS.items()},
        "defaults": DEFAULTS,
        "presets": {name: asdict(one) for name, one in PRESETS.items()},
        "python": {name: asdict(part) for name, part in parts.items()},
        "first": preset,
    }
    return f"const PAGE = {json.dumps(page, ensure_ascii=False)};"


def page(preset: str = "start") -> str:
    """Return the page as HTML; preset: the one that is shown where the address names none."""
    scripts = [(HERE / "page" / f"{name}.js").read_text() for name in SCRIPTS]
    parts = {
        "STYLE": (HERE / "page" / "page.css").read_text(),
        "PAGE": description(preset),
        "ENGINE": engine(),
        "WORKER": (HERE / "engine" / "worker.js").read_text(),
        "SCRIPTS": "\n".join(scripts),
    }
    html = (HERE / "page" / "index.html").read_text()
    for name, text in parts.items():
        html = html.replace(f"/*{name}*/", text.replace("</script", "<\\/script"))
    return html


def write_page(path: Path, preset: str = "start") -> None:
    """Write the page to a file, whole or not at all; missing folders are made.

    Raises ValueError if there is no such preset, or if the path cannot be written.
    """
    if preset not in PRESETS:
        raise ValueError(f"no preset {preset!r}; allowed: {', '.join(PRESETS)}")
    if path.is_dir():
        raise ValueError(
            f"{path} is a folder; give the name of a file, such as {path}/explorer.html"
        )
    html = page(preset)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as temporary:
            temporary.write_text(html, encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{path} cannot be written: {error.strerror}") from None
