"""Open the review page alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rt_handdt.gui.running import prepare_qt, run_until_closed


def run_review(
    path: str, bundle: str | Path, *, seconds: float | None = None, screenshot: Path | None = None, **options: Any
) -> int:
    """Show a recording until the user closes the window. Runs on the main thread.

    Parameters
    ----------
    path, bundle, options
        See `rt_handdt.runtime.reviewing.review`.
    seconds
        Close by itself after so long; None: stay open.
    screenshot
        Write a PNG of the window when it closes.

    Returns
    -------
    int
        0.

    Raises
    ------
    DisplayError
        If no window can be opened here, or the screenshot cannot be written.
    RecordingError
        If the recording, or the model, cannot be read.
    """
    prepare_qt()
    # Only now: importing this is importing Qt.
    from rt_handdt.gui import theme
    from rt_handdt.gui.choices import choices_file, load_choices
    from rt_handdt.gui.review.page import ReviewPage
    from rt_handdt.runtime.review_run import ReviewRun

    theme.use(load_choices(choices_file()).choices.theme)
    run = ReviewRun(path, bundle, **options)
    try:
        return run_until_closed(lambda: ReviewPage(run, Path(path).name), seconds=seconds, screenshot=screenshot)
    finally:
        run.join()
