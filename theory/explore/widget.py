"""Define the widget behind the page: it answers each request of the controls with a picture."""

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
    """Widget that turns a request {number, state, preset} into a picture {number, message, ...}.

    ``fields`` and ``presets`` describe the page.
    """

    _esm = HERE / "page.js"
    _css = HERE / "page.css"
    fields = traitlets.Dict().tag(sync=True)
    presets = traitlets.Dict().tag(sync=True)
    request = traitlets.Dict().tag(sync=True)
    picture = traitlets.Dict().tag(sync=True)

    def __init__(self, query: Mapping[str, Any]) -> None:
        """Open the widget at an address.

        query: the parameters of the address; the first picture's message names wrong ones.
        """
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
    """Return the picture of a request, with its number and an empty message.

    If the request cannot be met, return only its number and a message of one line.
    """
    try:
        state = {key: parse(key, request["state"][key]) for key in FIELDS}
        return picture(state, request["preset"]) | {"number": request["number"], "message": ""}
    except (ValueError, ArithmeticError, MemoryError) as error:
        return {"number": request["number"], "message": str(error)}
