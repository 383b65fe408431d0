"""A run's report on disk: there whatever ends the run."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: A run that is killed without a word leaves a report no older than this.
EVERY_S = 10.0


class ReportFile:
    """Writes a report every 10 s and at the end, each time whole: a reader never sees half of one.

    Parameters
    ----------
    path
        Where; None: nowhere.
    make
        Makes the report; called on a thread of its own.
    warn
        Called with a sentence where the report could not be put in its place.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     report = ReportFile(Path(folder) / "run.json", lambda: {"windows": 1})
    ...     report.start()
    ...     _ = report.close()
    ...     print((Path(folder) / "run.json").read_text().strip())
    {
      "windows": 1
    }
    """

    def __init__(
        self,
        path: Path | None,
        make: Callable[[], dict[str, Any]],
        warn: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self._path, self._make, self._warn = path, make, warn
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="handdt-report", daemon=True)
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin to write every 10 s."""
        if self._path is not None:
            self._thread.start()

    def close(self) -> dict[str, Any]:
        """Make the last report, write it, and return it.

        Where its place is gone or full, it is put into the folder for temporary files, and said whole to `warn`.
        """
        self._over.set()
        report = self._make()
        if self._path is None:
            return report
        with self._lock:
            try:
                write_whole(self._path, _text(report))
            except OSError as exc:
                self._warn(self._elsewhere(self._path, report, exc))
        return report

    def _keep(self) -> None:
        assert self._path is not None
        while not self._over.wait(EVERY_S):
            with self._lock:
                if self._over.is_set():
                    return
                try:
                    write_whole(self._path, _text(self._make()))
                except OSError:
                    continue  # a disk may be freed before the end; the end says it if not

    @staticmethod
    def _elsewhere(path: Path, report: dict[str, Any], exc: OSError) -> str:
        said = f"{path}: the report cannot be written ({exc.strerror or exc});"
        other = Path(tempfile.gettempdir()) / f"{path.stem}-{os.getpid()}{path.suffix or '.json'}"
        try:
            write_whole(other, _text(report))
        except OSError:
            return f"{said} nor to {other}. It is:\n{json.dumps(report)}"
        return f"{said} it is in {other}. It is:\n{json.dumps(report)}"


def _text(report: dict[str, Any]) -> str:
    return json.dumps(report, indent=2) + "\n"


def write_whole(path: Path, text: str) -> None:
    """Write a text so that the file is either as it was or as it shall be.

    Raises
    ------
    OSError
        If that cannot be done.
    """
    if path.exists() and not path.is_file():  # a pipe or a device has no other file to be replaced by
        path.write_text(text, encoding="utf-8")
        return
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        # mkstemp's files are their owner's alone; a report is as open as any file made here.
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, whole or not at all.

    Raises
    ------
    FileExistsError
        If it is there.
    OSError
        If it cannot be written.
    """
    with path.open("xb") as file:
        try:
            file.write(content)
            file.flush()
        except BaseException:
            path.unlink(missing_ok=True)
            raise
