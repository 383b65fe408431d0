"""Files that appear complete or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A name beside `path` to write to; once the block has ended well, the file is at `path`, and else nowhere.

    Raises
    ------
    OSError
        If it cannot be moved there.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with whole(Path(folder, "a.txt")) as part:
    ...         _ = part.write_text("all of it")
    ...     Path(folder, "a.txt").read_text()
    'all of it'
    """
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)  # of a writer that was killed
    try:
        yield part
        part.replace(path)
    finally:  # on a full disk nothing is worth more than space
        part.unlink(missing_ok=True)
