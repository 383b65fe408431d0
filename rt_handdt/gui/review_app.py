"""Open the review page alone, or write what it shows into files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rt_handdt.errors import ConfigError
from rt_handdt.gui.display import import_qt
from rt_handdt.gui.running import prepare_qt, run_until_closed


def save_reviews(path: str, bundle: str | Path, files: Sequence[Path], *, at_s: float = 0.0, **options: Any) -> None:
    """Write a review into files, without a window.

    Parameters
    ----------
    path, bundle, options
        See `rt_handdt.runtime.reviewing.review`.
    files
        See `rt_handdt.gui.review.saving.save_review`.
    at_s
        The moment that the maps show, s.

    Raises
    ------
    HanddtError
        If the recording or the model cannot be read, or a file cannot be written.
    """
    from rt_handdt.gui.review.saving import check_kind, save_review
    from rt_handdt.runtime.reviewing import review

    for file in files:
        check_kind(file)
        if file.exists():  # and not only when all is read
            raise ConfigError(f"{file} is there already, and is not overwritten; choose another name.")
    made = review(path, bundle, **options)
    assert made is not None  # nobody gives it up
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    app = None
    for file in files:
        if app is None and file.suffix.casefold() != ".csv":
            import_qt()
            from rt_handdt.gui.application import application

            app = application()
        save_review(made, file, at_s=at_s)


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
