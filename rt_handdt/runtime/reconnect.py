"""Taking a lost stream up again: that stream, and no other."""

from __future__ import annotations

import dataclasses
from typing import Literal

from rt_handdt.core.spec import PipelineSpec
from rt_handdt.errors import HanddtError, StreamError
from rt_handdt.io.choosing import answers_to, what_is_there
from rt_handdt.io.description import StreamDescription
from rt_handdt.io.identity import StreamIdentity
from rt_handdt.io.lsl import Finder
from rt_handdt.runtime.connect import Connection, choose_heard, open_source
from rt_handdt.runtime.source_choice import SourceChoice

Follow = Literal["same", "any"]


class Reconnector:
    """Called after a stream was lost, again and again, until it returns a connection.

    Use from one thread. It listens from the first call after a loss on, so that a call seldom has to wait.

    Parameters
    ----------
    spec, choice
        As for `connect`.
    connection
        The one that may be lost.
    follow
        "same": only the same source is taken, with the same description. "any": whatever the choice means now; what
        was learnt of the old source does not hold for it (`Connection.same_source`).
    wait_s
        Longest wait of a call.
    """

    def __init__(
        self,
        spec: PipelineSpec,
        choice: SourceChoice,
        connection: Connection,
        *,
        follow: Follow = "same",
        wait_s: float = 1.0,
    ) -> None:
        self._spec = spec
        self._choice = choice
        self._follow = follow
        self._wait_s = wait_s
        self._identity = StreamIdentity(connection.inlet.describe(), connection.beside)
        self._finder: Finder | None = None

    def __call__(self) -> Connection:
        """Try to connect again.

        Raises
        ------
        StreamError
            While the source is away, or came back otherwise than it was; the message says what is there instead.
        """
        self._finder = self._finder or Finder()
        try:
            connection = self._same() if self._follow == "same" else self._any()
        except StreamError:
            raise
        except HanddtError as exc:  # another layout: no reason to end the run, but one to wait for the right one
            raise StreamError(str(exc)) from None
        self.close()
        self._identity = StreamIdentity(connection.inlet.describe(), connection.beside)
        return connection

    def close(self) -> None:
        """Listen no longer, until the next call."""
        self._finder = None

    def _same(self) -> Connection:
        identity, finder = self._identity, self._finder
        assert finder is not None
        known = identity.known  # else a name is all there is, and two of them may come back
        heard = finder.gather(self._wait_s, identity.is_source_of, at_once=known)
        back = [one for one in heard if identity.is_source_of(one.description)]
        back = [one for one in back if one.description.host == identity.was.host] or back
        if not back or not (finder.listened if known else finder.settled):
            there = [one.description for one in heard if one.description.is_signal]
            hint = " It is not taken in its place: --follow any would." if there else ""
            raise StreamError(f"The stream {identity.was.words()} is away. {what_is_there(there)}{hint}")
        if len(back) > 1:
            listed = "; ".join(one.description.words() for one in back)
            raise StreamError(f"{len(back)} streams could be the one that was lost, and none is taken: {listed}.")
        self._check(back[0].description, full=False)
        connection = open_source(self._spec, self._choice, back[0], heard)
        try:
            self._check(connection.inlet.describe(), full=True)
        except StreamError:
            connection.close()
            raise
        return connection

    def _check(self, one: StreamDescription, *, full: bool) -> None:
        was = self._identity.was
        if not full:  # only heard yet: nothing is known of its columns
            was = dataclasses.replace(was, channels=(), units=(), kinds=())
        difference = StreamIdentity(was).difference(one)
        if difference is not None:
            raise StreamError(
                f"The source of {self._identity.was.words()} came back, but {difference}; set it as it was, or start "
                "anew."
            )

    def _any(self) -> Connection:
        choice, finder = self._choice, self._finder
        assert finder is not None
        heard = finder.gather(self._wait_s, lambda one: one.is_signal and answers_to(one, choice.stream, choice.kind))
        if not finder.settled:
            raise StreamError(f"The stream {self._identity.was.words()} is away.")
        connection = open_source(self._spec, choice, choose_heard(self._spec, choice, heard), heard)
        now = connection.inlet.describe()
        same = self._identity.is_source_of(now) and self._identity.difference(now) is None
        return dataclasses.replace(connection, same_source=same)
