"""Names of recordings in folders of sessions, as BIDS has them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from rt_handdt.errors import ConfigError

_PART = re.compile(r"[A-Za-z0-9]+")
_NAME = re.compile(
    r"sub-(?P<subject>[A-Za-z0-9]+)(?:_ses-(?P<session>[A-Za-z0-9]+))?(?:_task-(?P<task>[A-Za-z0-9]+))?"
    r"(?:_run-(?P<run>\d+))?_(?P<suffix>[a-z]+)"
)


@dataclass(frozen=True)
class SessionName:
    """Who, when, what, and for the how many-th time.

    Attributes
    ----------
    subject, session, task
        Letters and digits.
    run
        From 1.
    suffix
        What kind of data.

    Raises
    ------
    ConfigError
        If a part is something else.

    Examples
    --------
    >>> SessionName("01", "1").path(Path("data"), ".xdf").as_posix()
    'data/sub-01/ses-1/sub-01_ses-1_task-gestures_run-1_emg.xdf'
    >>> SessionName.parse("sub-01a_ses-2_task-gestures_run-3_emg.xdf").run
    3
    """

    subject: str
    session: str = "1"
    task: str = "gestures"
    run: int = 1
    suffix: str = "emg"

    def __post_init__(self) -> None:
        for what, part in (("subject", self.subject), ("session", self.session), ("task", self.task)):
            if _PART.fullmatch(part) is None:
                raise ConfigError(f"The {what} must be of letters and digits, as BIDS has it; got '{part}'.")
        if self.run < 1:
            raise ConfigError(f"Runs are counted from 1; got {self.run}.")

    @property
    def stem(self) -> str:
        """The file's name without its ending."""
        return f"sub-{self.subject}_ses-{self.session}_task-{self.task}_run-{self.run}_{self.suffix}"

    def path(self, root: Path, ending: str) -> Path:
        """Where it belongs below a folder of subjects."""
        return root / f"sub-{self.subject}" / f"ses-{self.session}" / f"{self.stem}{ending}"

    def next_free(self, root: Path, ending: str) -> Self:
        """The same with the first run, from this one on, of which there is nothing yet."""
        one = self
        while one.path(root, ending).exists():
            one = replace(one, run=one.run + 1)
        return one

    @classmethod
    def parse(cls, path: str | Path) -> Self | None:
        """What a file's name says; None if it is no such name."""
        found = _NAME.fullmatch(Path(path).name.split(".", 1)[0])
        if found is None:
            return None
        said = {key: value for key, value in found.groupdict().items() if value is not None}
        return cls(**{**said, "run": max(1, int(said.get("run", "1")))})  # type: ignore[arg-type]
