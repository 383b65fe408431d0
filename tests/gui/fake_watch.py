"""A look-out for streams that sees what it is told to see."""

from __future__ import annotations

from dataclasses import replace

from rt_handdt.io.description import StreamDescription
from rt_handdt.runtime.stream_watch import StreamsSeen, StreamWatch


class FakeWatch(StreamWatch):
    """Never looks; `full` are the streams with all that they would answer if they were asked."""

    def __init__(self, *full: StreamDescription) -> None:
        super().__init__()
        self.tell(*full)

    def tell(self, *full: StreamDescription) -> None:
        self._full = full

    @property
    def seen(self) -> StreamsSeen:
        bare = tuple(replace(one, channels=(), units=(), kinds=()) for one in self._full)
        return StreamsSeen(bare, next((one for one in self._full if one.uid == self._wanted), None), looks=20)
