"""``rt-handdt targets --window``: the test on screen, its user whoever wears the electrodes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from rt_handdt.runtime.live_run import LiveRun


def show_targets(run: LiveRun, out: Path | None, console: Console) -> None:
    """Show the page of target tests for a run, until it is left.

    Parameters
    ----------
    run
        Whose decisions steer.
    out
        Where each test's figures go; None: the page asks.
    console
        Told what is to be known of model and stream.

    Raises
    ------
    HanddtError
        If model, stream or display are not as they should be.
    """
    from rt_handdt.gui.display import check_display, import_qt

    check_display()
    from rt_handdt.runtime.process import EngineProcess

    engine = EngineProcess(run, None, lambda sentence: console.print(sentence, markup=False, emoji=False))
    try:
        import_qt()  # while the other process loads the model and looks for the stream
        console.print(engine.wait_until_ready().headline, markup=False, emoji=False)
        from rt_handdt.gui.running import run_until_closed
        from rt_handdt.gui.targets.page import TargetsPage

        run_until_closed(lambda: TargetsPage(engine, calibrated=run.profile is not None, out=out))
    finally:
        engine.stop()
    engine.raise_error()
