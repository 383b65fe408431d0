"""Recording without recognizing: streams and cues into one file."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from rt_handdt.errors import ConfigError, StreamError
from rt_handdt.io.description import TEXT, shown
from rt_handdt.io.disk_guard import DiskGuard
from rt_handdt.io.lsl import Heard, clock
from rt_handdt.io.lsl.raw_inlet import RawInlet
from rt_handdt.io.protocol import Cue
from rt_handdt.io.session_file import BOUNDARY_S, OFFSET_S
from rt_handdt.io.xdf_file import XdfFile
from rt_handdt.runtime.recorder import check_new
from rt_handdt.runtime.recorder_process import FLUSH_S

#: A signal that sends nothing for so long has stopped, and that is said.
SILENT_S = 2.0
#: A cue that comes later than this is held from then on as long as it should be.
LATE_S = 0.5


class Progress(NamedTuple):
    """How a recording goes.

    Attributes
    ----------
    seconds, samples, size
        Since it began; of the first stream; bytes.
    cue, left_s, next_cue
        What is asked for now, for how long still, and then; "" and 0 where nothing is.
    silent_s, missed_s
        For how long no sample of the first stream has come; and for how long in all, in pauses of `SILENT_S` and more.
    """

    seconds: float
    samples: int
    size: int
    cue: str = ""
    left_s: float = 0.0
    next_cue: str = ""
    silent_s: float = 0.0
    missed_s: float = 0.0


class RecordingRun:
    """Records LSL streams as they are sent, with cues of its own.

    LSL holds a minute of each stream, so that a disk that stands still loses nothing.

    Parameters
    ----------
    path
        The XDF file; it must not exist.
    streams
        What is recorded; the first is the signal.
    cues
        What is asked for, one after the other; the recording ends with the last.
    own_cues
        Cues come from here, by `cues` or by `cue`: a stream of the type Markers. Markers of others are then recorded as
        Events, so that a reader does not mix the two.
    say
        Called with what the user should read.

    Raises
    ------
    ConfigError
        If the file cannot be made.
    StreamError
        If a stream does not answer.
    """

    def __init__(
        self,
        path: Path,
        streams: Sequence[Heard],
        cues: Sequence[Cue] = (),
        *,
        own_cues: bool = False,
        say: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        check_new(path)
        self.path, self._say = path, say
        self._inlets: list[RawInlet] = []
        try:
            for one in streams:
                self._inlets.append(RawInlet(one))
            self._file = XdfFile(path)
        except BaseException as exc:
            self._disconnect()
            if isinstance(exc, OSError):  # another recorder was faster, or the disk is full
                raise ConfigError(f"{path}: cannot be made ({exc.strerror or exc}); choose another name.") from None
            raise
        self._cues, self._turn, self._cue_ends = list(cues), -1, 0.0
        self._own_cues = own_cues or bool(cues)
        self._numbers = [self._add(one) for one in self._inlets]
        self._name, self._silent = shown(self._inlets[0].description.name), False
        name = self._inlets[0].description.name
        self._marks = self._file.add(f"{name}_cues", "Markers", 1, "string", 0.0) if self._own_cues else 0
        self._guard = DiskGuard(path)
        self._began = self._flushed = self._heard = clock()
        self._missed = 0.0
        self._measured = self._bounded = 0.0
        self._last: dict[int, float] = {}
        self.samples = 0
        self._gone: set[int] = set()  # by position: several streams may have one name
        self.full = False

    def _add(self, inlet: RawInlet) -> int:
        said = inlet.description
        xml = inlet.xml
        if self._own_cues and said.number_format == TEXT:
            xml = xml.replace(f"<type>{said.kind}</type>", "<type>Events</type>", 1)
        return self._file.add_xml(xml, said.n_channels, "string" if said.number_format == TEXT else said.number_format)

    def cue(self, label: str) -> None:
        """Something is asked for from now on."""
        now = clock()
        self._file.texts(self._marks, [now], [[label]])

    def step(self) -> Progress | None:
        """Write what has come. To be called every few hundredths of a second.

        Returns
        -------
        Progress or None
            None where the recording is over: the cues are done, the disk is full, or all streams have ended.
        """
        now = clock()
        for position, (inlet, number) in enumerate(zip(self._inlets, self._numbers, strict=True)):
            if position in self._gone:
                continue
            try:
                stamps_s, values = inlet.read()
            except StreamError as exc:
                self._gone.add(position)
                self._say(f"{exc} The recording goes on without it.")
                continue
            if not len(stamps_s):
                continue
            if inlet.description.number_format == TEXT:
                self._file.texts(number, stamps_s.tolist(), values)
            else:
                self._file.samples(number, stamps_s, values)
            if position == 0:
                self.samples += len(stamps_s)
                self._hear(now)
        if now - self._heard > SILENT_S and not self._silent:
            self._silent = True
            self._say(f"Nothing has come from '{self._name}' for {SILENT_S:g} s; the recording goes on.")
        if not self._look_after(now) or len(self._gone) == len(self._inlets):
            return None
        return self._progress(now)

    def _hear(self, now: float) -> None:
        away_s = now - self._heard
        self._heard = now
        if away_s > SILENT_S:
            self._missed += away_s
        if self._silent:
            self._silent = False
            self._say(f"'{self._name}' sends again, after {away_s:.1f} s.")

    def close(self) -> None:
        """End the file."""
        with contextlib.suppress(OSError):  # all that fitted is there, and can be read without its end
            self._file.close()
        self._disconnect()

    def _progress(self, now: float) -> Progress | None:
        silent_s = now - self._heard
        missed_s = self._missed + (silent_s if self._silent else 0.0)
        progress = Progress(now - self._began, self.samples, self._file.size, silent_s=silent_s, missed_s=missed_s)
        if not self._cues:
            return progress
        if now >= self._cue_ends:
            self._turn += 1
            if self._turn == len(self._cues):
                return None
            late = now - self._cue_ends > LATE_S  # at the start, and after the computer stood still
            self._cue_ends = (now if late else self._cue_ends) + self._cues[self._turn].seconds
            self.cue(self._cues[self._turn].label)
        after = self._cues[self._turn + 1].label if self._turn + 1 < len(self._cues) else ""
        label, left_s = self._cues[self._turn].label, max(0.0, self._cue_ends - now)
        return progress._replace(cue=label, left_s=left_s, next_cue=after)

    def _look_after(self, now: float) -> bool:
        if now - self._measured > OFFSET_S:
            self._measured = now
            for position, (inlet, number) in enumerate(zip(self._inlets, self._numbers, strict=True)):
                if position not in self._gone and (found := inlet.offset()) is not None:
                    self._file.offset(number, *found)
            if self._marks:
                self._file.offset(self._marks, now, 0.0)
        if now - self._bounded > BOUNDARY_S:
            self._bounded = now
            self._file.boundary()
        if now - self._flushed < FLUSH_S:
            return True
        self._flushed = now
        try:
            self._file.flush(to_disk=True)
            warning = self._guard.look(self._file.size / max(1.0, now - self._began))
        except OSError as exc:
            self.full = True
            self._say(f"The recording has ended, as {exc.strerror or exc}; what is there can be read.")
            return False
        if warning is not None:
            self._say(warning)
        return True

    def _disconnect(self) -> None:
        for inlet in self._inlets:
            inlet.close()
