"""The command line: one file per command. Heavy imports happen inside the commands."""

from __future__ import annotations

import sys


def entry() -> None:
    """Entry point of the console script; Ctrl-C while commands are still being loaded ends it without a word."""
    try:
        from rt_handdt.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)
