"""How commands run: errors become one sentence and exit code 2."""

from __future__ import annotations

import contextlib
import os
import signal
import sys

import typer
from rich.console import Console
from rich.text import Text

from rt_handdt.errors import HanddtError
from rt_handdt.runtime.ending import Stopped


def run_app(app: typer.Typer) -> None:
    """Run a command-line app and leave the process.

    A `HanddtError` prints its message and leaves with code 2; Ctrl-C leaves with 130, other signals with 128 and their
    number, and are said; a reader that closed the pipe (``… | head``) ends it silently. Anything else is a bug and
    shows its traceback.
    """
    # A busy thread (simulator, display) may hold the interpreter for 5 ms by default: longer than a decision may take.
    sys.setswitchinterval(0.0005)
    try:
        app(standalone_mode=True)
    except HanddtError as exc:
        # as text: names and paths in a message are no markup
        message = Text.assemble(("Error:", "bold red"), " ", str(exc))
        Console(stderr=True, highlight=False, soft_wrap=True).print(message)
        sys.exit(exc.exit_code)
    except KeyboardInterrupt:
        sys.exit(_stopped())
    except SystemExit as exc:
        sys.exit(_stopped() if exc.code == 130 else exc.code)  # 130 is what typer makes of any interrupt
    except ImportError as exc:
        if isinstance(exc.__cause__ or exc.__context__, KeyboardInterrupt):  # while a compiled module was being loaded
            sys.exit(_stopped())
        raise
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _stopped() -> int:
    """Say what has stopped it, where that was not the user at its terminal; returns the exit code."""
    if Stopped.by != signal.SIGINT:
        with contextlib.suppress(OSError):  # the terminal is gone
            print(f"Stopped by {signal.Signals(Stopped.by).name} before it was done.", file=sys.stderr)
    return 128 + Stopped.by
