"""What several commands take, declared once."""

from __future__ import annotations

from typing import Annotated

import tyro

Names = tyro.conf.Positional[
    Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME [NAME ...]", help_behavior_hint="")]
]  # at least one
