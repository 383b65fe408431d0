"""LSL streams as other programs send them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import ClassVar

import numpy.typing as npt
import pylsl


class OddStream:
    """An outlet that says of itself whatever is asked of it; gone when closed.

    `columns` are (label, unit, type) of each; "" is left out, None describes no column at all.
    """

    #: Those that are not closed yet.
    open: ClassVar[set[OddStream]] = set()

    def __init__(
        self,
        name: str,
        *,
        kind: str = "EMG",
        n_channels: int = 8,
        fs_hz: float = 512.0,
        form: str = "float32",
        columns: Sequence[tuple[str, str, str]] | None = None,
        source_id: str | None = None,
    ) -> None:
        count = n_channels if columns is None else len(columns)
        sid = uuid.uuid4().hex if source_id is None else source_id
        info = pylsl.StreamInfo(name, kind, count, fs_hz, form, sid)
        if columns is not None:
            described = info.desc().append_child("channels")
            for column in columns:
                channel = described.append_child("channel")
                for key, value in zip(("label", "unit", "type"), column, strict=True):
                    if value:
                        channel.append_child_value(key, value)
        self.source_id = sid
        self._outlet: pylsl.StreamOutlet | None = pylsl.StreamOutlet(info)
        self.open.add(self)

    def push(self, samples: npt.NDArray) -> None:  # type: ignore[type-arg]
        """Send samples (n, n_channels) now, once somebody reads."""
        assert self._outlet is not None
        assert self._outlet.wait_for_consumers(20.0)
        self._outlet.push_chunk(samples)

    def close(self) -> None:
        """Be gone, as a program that ends."""
        self._outlet = None
        self.open.discard(self)


def electrodes(names: Sequence[str], unit: str = "uV") -> list[tuple[str, str, str]]:
    """Columns of EMG."""
    return [(name, unit, "EMG") for name in names]
