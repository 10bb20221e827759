"""Declare the arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import tyro

Names = tyro.conf.Positional[
    Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME [NAME ...]", help_behavior_hint="")]
]  # one name or more
