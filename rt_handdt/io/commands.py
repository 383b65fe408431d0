"""Commands to a virtual person, as UDP datagrams on this computer."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from types import TracebackType

from rt_handdt.config import Settings
from rt_handdt.errors import ConfigError, StreamError

LOOPBACK = "127.0.0.1"
#: A command is short; what is longer is none.
MAX_BYTES = 256


class Command(Settings):
    """What to do, and how strongly (1 = the person's usual strength)."""

    label: str
    level: float = 1.0


def parse_command(datagram: bytes) -> Command:
    """Read ``hand_close 0.8``, ``rest`` or ``{"label": "hand_close", "level": 0.8}``.

    Raises
    ------
    ConfigError
        If it is none of these. Whether the gesture is known is for the person to say.
    """
    if len(datagram) > MAX_BYTES:
        raise ConfigError(f"A command may have {MAX_BYTES} bytes; this one has more.")
    try:
        text = datagram.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise ConfigError("A command must be text (UTF-8).") from None
    if not text.isprintable():
        raise ConfigError(f"A command is one line of printable text; got {text!r}.")
    if text.startswith("{"):
        try:
            data = json.loads(text)
        except ValueError as exc:
            raise ConfigError(f"The command {text} is not valid JSON ({exc}).") from None
        return Command.parse(data, what="command")
    words = text.split()
    if not 1 <= len(words) <= 2:
        raise ConfigError(f"A command is a gesture and, if wanted, a level ('hand_close 0.8'); got '{text}'.")
    try:
        level = float(words[1]) if len(words) == 2 else 1.0
    except ValueError:
        raise ConfigError(f"The level of a command must be a number; got '{words[1]}'.") from None
    return Command.parse({"label": words[0], "level": level}, what="command")


class CommandPort:
    """Listens on loopback, on a thread of its own, while it is entered as a context.

    Parameters
    ----------
    port
        0 lets the system choose; see `port`.
    on_command
        Called with label and level on the listening thread; a `ConfigError` of it makes the command a bad one.
    on_bad
        Called with one sentence for each bad command.

    Raises
    ------
    StreamError
        If the port cannot be had.
    """

    def __init__(
        self, port: int, on_command: Callable[[str, float], None], on_bad: Callable[[str], None] | None = None
    ) -> None:
        self._on_command = on_command
        self._on_bad = on_bad
        self.good = self.bad = 0
        self._stop = threading.Event()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind((LOOPBACK, port))
        except OSError as exc:
            self._socket.close()
            raise StreamError(f"UDP port {port} cannot be opened ({exc.strerror}); choose another port.") from None
        self._socket.settimeout(0.1)
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._listen, name="handdt-commands", daemon=True)

    def __enter__(self) -> CommandPort:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=5.0)
        self._socket.close()

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                datagram = self._socket.recv(MAX_BYTES + 1)
            except OSError:  # nothing came in time; or, on some systems, an ICMP error of an earlier sender
                continue
            try:
                command = parse_command(datagram)
                self._on_command(command.label, command.level)
            except ConfigError as exc:
                self.bad += 1
                if self._on_bad is not None:
                    # What came may be shown on a terminal: no control characters.
                    self._on_bad("".join(c if c.isprintable() else "·" for c in str(exc)))
            else:
                self.good += 1
