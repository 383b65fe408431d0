"""Where commands to a virtual person come in: UDP datagrams on this computer, or an LSL stream of text."""

from __future__ import annotations

import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from rt_handdt.errors import ConfigError, StreamError
from rt_handdt.io.commands import MAX_BYTES, Obeys, parse_command
from rt_handdt.io.lsl import TextInlet

LOOPBACK = "127.0.0.1"
#: How long a listening thread may take to notice that it should end.
LOOK_S = 0.1


class CommandListener(ABC):
    """Listens on a thread of its own while it is entered as a context.

    Parameters
    ----------
    person
        Who is told; on the listening thread. Its `ConfigError` makes the command a bad one.
    on_bad
        Called on the listening thread with one sentence for each bad command; what came may be shown on a terminal.
    """

    def __init__(self, person: Obeys, on_bad: Callable[[str], None] | None) -> None:
        self._person = person
        self._on_bad = on_bad
        self.good = self.bad = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="handdt-commands", daemon=True)

    @property
    @abstractmethod
    def address(self) -> str:
        """Where it listens, for people: ``UDP 127.0.0.1:5005``."""

    @abstractmethod
    def _receive(self) -> Iterable[bytes | str]:
        """Wait a moment for messages."""

    @abstractmethod
    def _close(self) -> None:
        """Called when the thread has ended."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=10.0)
        self._close()

    def _listen(self) -> None:
        while not self._stop.is_set():
            for message in self._receive():
                try:
                    parse_command(message).apply(self._person)
                except ConfigError as exc:
                    self.bad += 1
                    self._complain(str(exc))
                else:
                    self.good += 1

    def _complain(self, sentence: str) -> None:
        if self._on_bad is not None:
            # no control characters
            self._on_bad("".join(c if c.isprintable() else "·" for c in sentence))


class UdpCommands(CommandListener):
    """Datagrams to a port of 127.0.0.1.

    Parameters
    ----------
    port
        0 lets the system choose; see `port`.
    person, on_bad
        As for `CommandListener`.

    Raises
    ------
    StreamError
        If the port cannot be had.
    """

    def __init__(self, port: int, person: Obeys, on_bad: Callable[[str], None] | None = None) -> None:
        super().__init__(person, on_bad)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind((LOOPBACK, port))
        except OSError as exc:
            self._socket.close()
            raise StreamError(f"UDP port {port} cannot be opened ({exc.strerror}); choose another port.") from None
        self._socket.settimeout(LOOK_S)
        self.port: int = self._socket.getsockname()[1]

    @property
    def address(self) -> str:
        return f"UDP {LOOPBACK}:{self.port}"

    def _receive(self) -> Iterable[bytes]:
        try:
            return [self._socket.recv(MAX_BYTES + 1)]
        except OSError:  # nothing came in time; or, on some systems, an ICMP error of an earlier sender
            return []

    def _close(self) -> None:
        self._socket.close()


class LslCommands(CommandListener):
    """A text stream, looked for by name until it is there, and again when its source has gone.

    A sender should wait until it has a listener (``StreamOutlet.wait_for_consumers``), for LSL keeps nothing for those
    who come later, and not end right after its last command.

    Parameters
    ----------
    name
        Of the stream.
    person, on_bad
        As for `CommandListener`; `on_bad` also says once if the stream is none of text.
    """

    def __init__(self, name: str, person: Obeys, on_bad: Callable[[str], None] | None = None) -> None:
        super().__init__(person, on_bad)
        self.name = name
        self._inlet = TextInlet(name)
        self._said: str | None = None

    @property
    def address(self) -> str:
        return f"LSL stream {self.name}"

    def _receive(self) -> Iterable[str]:
        try:
            return self._inlet.read(LOOK_S)
        except StreamError as exc:
            if str(exc) != self._said:
                self._said = str(exc)
                self._complain(self._said)
            self._stop.wait(1.0)
            return []

    def _close(self) -> None:
        self._inlet.close()
