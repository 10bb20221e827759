"""Write the state as the query part of an address, and read it back.

Only values that differ from the preset (``preset=T3``) or from the defaults are written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from theory.explore.fields import FIELDS, VIEW, State, parse, text
from theory.explore.presets import PRESETS
from theory.explore.runs import runs

PRESET = "preset"
# marimo's own parameters
SHELL = frozenset(
    {"access_token", "refresh_token", "session_id", "file", "kiosk", "show-chrome", "view-as"}
)


def write(state: State, preset: str = "start") -> dict[str, str]:
    """Return the query parameters of a state, in the order of the fields; none for the defaults."""
    base = PRESETS[preset].state
    changed = {key: text(state[key]) for key in FIELDS if state[key] != base[key]}
    return ({PRESET: preset} if preset != "start" else {}) | changed


def read(query: Mapping[str, Any]) -> tuple[State, str, str]:
    """Return state, preset and a message, which is empty if all values are usable.

    Values that are not usable are named in the message and replaced by those of the preset.
    """
    problems: list[str] = []
    preset = _last(query.get(PRESET, "start"))
    if preset not in PRESETS:
        problems.append(
            f"{PRESET} = {preset} is not allowed here; it must be one of {', '.join(PRESETS)}"
        )
        preset = "start"
    state = PRESETS[preset].state
    for key, raw in query.items():
        if key in SHELL or key == PRESET:
            continue
        try:
            state[key] = parse(key, _last(raw))
        except KeyError:
            problems.append(f"there is no parameter {key}")
        except ValueError as error:
            problems.append(str(error))
    try:
        runs(state)
    except ValueError as error:
        problems.append(str(error))
        state = PRESETS[preset].state | {key: state[key] for key in VIEW}
    return state, preset, f"From the address, left out: {'; '.join(problems)}." if problems else ""


def _last(raw: Any) -> str:
    """Return the last value of a parameter, which may be given twice."""
    return str(raw[-1] if isinstance(raw, list) and raw else raw)
