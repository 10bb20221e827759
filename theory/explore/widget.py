"""The widget behind the page: what the controls ask for comes in, a picture goes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from theory.explore.address import read
from theory.explore.fields import FIELDS, VIEW, parse
from theory.explore.picture import Picture, picture
from theory.explore.presets import PRESETS

HERE = Path(__file__).parent


class Explorer(anywidget.AnyWidget):
    """request {number, state, preset} -> picture {number, message, ...}; ``fields`` and ``presets`` describe the page."""

    _esm = HERE / "page.js"
    _css = HERE / "page.css"
    fields = traitlets.Dict().tag(sync=True)
    presets = traitlets.Dict().tag(sync=True)
    request = traitlets.Dict().tag(sync=True)
    picture = traitlets.Dict().tag(sync=True)

    def __init__(self, query: Mapping[str, Any]) -> None:
        """query: the parameters of the address; what is wrong with them becomes the first picture's message."""
        state, preset, message = read(query)
        super().__init__(
            fields={key: asdict(field) | {"view": key in VIEW} for key, field in FIELDS.items()},
            presets={
                key: {"title": one.title, "look": one.look, "state": one.state}
                for key, one in PRESETS.items()
            },
            picture=answer({"number": 0, "state": state, "preset": preset})
            | ({"message": message} if message else {}),
        )

    @traitlets.observe("request")
    def _answer(self, change: traitlets.Bunch) -> None:
        self.picture = answer(change["new"])


def answer(request: Mapping[str, Any]) -> Picture:
    """The picture of a request, with its number and an empty message; or, if it cannot be met, a message of one line alone."""
    try:
        state = {key: parse(key, request["state"][key]) for key in FIELDS}
        return picture(state, request["preset"]) | {"number": request["number"], "message": ""}
    except (ValueError, ArithmeticError, MemoryError) as error:
        return {"number": request["number"], "message": str(error)}
