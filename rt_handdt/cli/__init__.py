"""The command line: one file per command. Heavy imports happen inside the commands."""

from __future__ import annotations

import sys


def entry() -> None:
    """Entry point of the console script; a signal while commands are still being loaded ends it without a word."""
    from rt_handdt.runtime.ending import Stopped, stop_politely

    try:
        stop_politely()
        from rt_handdt.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(128 + Stopped.by)
