"""Serve the page on this machine only, until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import threading
import webbrowser
from pathlib import Path
from typing import NoReturn

import uvicorn
from marimo import create_asgi_app

# imported here so that a missing package is reported at the start and the first page need not wait
from theory.explore import widget  # noqa: F401

APP = Path(__file__).with_name("app.py")
HOST = "127.0.0.1"
# the page is the widget's alone: no margins, none of the shell's own buttons
HEAD = """<style>
#App > div, #App > div > div { padding: 0 !important; max-width: none !important; }
#App .output-area { padding: 0 !important; }
#App .output { margin: 0 !important; }
[data-testid="notebook-actions-dropdown"] { display: none !important; }
</style>"""


class Server(uvicorn.Server):
    """A server that prints its address once it answers, and opens the browser there."""

    def __init__(self, address: str, browser: bool) -> None:
        builder = create_asgi_app(quiet=True, html_head=HEAD).with_app(path="/", root=str(APP))
        super().__init__(
            uvicorn.Config(builder.build(), log_level="error", timeout_graceful_shutdown=1)
        )
        self.address, self.browser = address, browser

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # marimo's start takes Ctrl-C for itself, and would ask whether to quit
        asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, self.handle_exit)
        print(f"explorer at {self.address}  (Ctrl-C ends it)", flush=True)
        if self.browser:
            threading.Thread(target=webbrowser.open, args=(self.address,), daemon=True).start()


def serve(port: int, browser: bool) -> NoReturn:
    """Serve the page until Ctrl-C, then exit with code 130.

    port: 0 for any free port. Raises OSError if the port is taken.
    """
    logging.getLogger("marimo").setLevel(logging.ERROR)
    with socket.create_server((HOST, port)) as listening:
        address = f"http://{HOST}:{listening.getsockname()[1]}/"
        with contextlib.suppress(KeyboardInterrupt):
            Server(address, browser).run(sockets=[listening])
    print("explorer ended", flush=True)
    # threads of open pages still wait for requests, and an ordinary exit would wait for them
    os._exit(130)
