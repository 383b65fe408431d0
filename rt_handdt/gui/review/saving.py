"""A review in a file: a picture, a drawing, or a table of its decisions."""

from __future__ import annotations

from pathlib import Path

from rt_handdt.errors import ConfigError
from rt_handdt.gui.review.decision_table import decision_table
from rt_handdt.runtime.report_file import write_new
from rt_handdt.runtime.review import Review

#: What a file's ending may be.
KINDS = (".png", ".svg", ".csv")


def check_kind(path: Path) -> None:
    """Refuse an ending that says nothing.

    Raises
    ------
    ConfigError
        If it is none of `KINDS`.
    """
    if path.suffix.casefold() not in KINDS:
        raise ConfigError(f"{path.name}: must end in .png, .svg or .csv; choose another name.")


def save_review(review: Review, path: Path, *, at_s: float = 0.0, view: tuple[float, float] | None = None) -> None:
    """Write it, as the file's ending says; nothing that is there is overwritten. Pictures need a running application.

    Parameters
    ----------
    at_s
        The moment that the maps show, s.
    view
        First and last moment of the timeline, s; None: the whole recording.

    Raises
    ------
    ConfigError
        If the ending is unknown, the file is there, or it cannot be written.
    """
    check_kind(path)
    kind = path.suffix.casefold()
    if kind == ".csv":
        content = decision_table(review).encode()
    else:
        from rt_handdt.gui.review.sheet import ReviewSheet  # a table needs no Qt

        sheet = ReviewSheet(review, view or (0.0, review.seconds), at_s)
        content = sheet.png() if kind == ".png" else sheet.svg()
        sheet.deleteLater()
    try:
        write_new(path, content)
    except FileExistsError:
        raise ConfigError(f"{path} is there already, and is not overwritten; choose another name.") from None
    except OSError as exc:
        raise ConfigError(f"{path} cannot be written ({exc.strerror or exc}); choose another place.") from None
