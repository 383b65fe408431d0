"""Decisions as JSON for web pages on this computer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
import threading
from typing import Any

from pydantic import Field

from rt_handdt.errors import SinkError
from rt_handdt.io.message import Message
from rt_handdt.io.sink import About, SinkSettings
from rt_handdt.io.sinks.base import ConfiguredSink, needed

#: Of a page that does not keep up, so much may be on its way; then messages are left out for it.
SEND_BYTES = 16384
#: Pages that lie on this computer: opened as a file, or served from here.
LOCAL = re.compile(r"null|https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")
#: Whoever knocks and speaks no websocket is no matter for the terminal.
LOG = logging.getLogger(__name__)
LOG.addHandler(logging.NullHandler())
START_S = 5.0
END_S = 0.2


class WebsocketSettings(SinkSettings):
    """Settings of a server for web pages.

    Attributes
    ----------
    host, port
        Where it listens: on this computer alone, unless told otherwise.
    origin
        A web site whose pages may listen too, such as ``https://lab.example``; pages of this computer always may.
    """

    positional = ("host", "port")

    host: str = Field("127.0.0.1", min_length=1)
    port: int = Field(ge=1, le=65535)
    origin: str = ""


class WebsocketSink(ConfiguredSink):
    """``websocket:PORT``; each message is one JSON object, and who connects is told the newest at once.

    Whatever a page sends is ignored. Pages of other web sites are refused: any site that is open in a browser could
    else read along.
    """

    Settings = WebsocketSettings

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        needed("websockets", "websockets")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pages: set[Any] = set()
        self._newest = ""

    def open(self, about: About) -> None:
        """Begin to listen."""
        try:
            listener = _listen(self.settings.host, self.settings.port)
        except OSError as exc:
            raise SinkError(
                f"cannot listen at {self.settings.host}:{self.settings.port} ({exc.strerror or exc}); choose another "
                "port, or end the program that has it."
            ) from None
        self._pages.clear()
        self._loop = loop = asyncio.new_event_loop()
        ready = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(loop, listener, ready), name="handdt-websocket", daemon=True
        )
        self._thread.start()
        ready.wait(START_S)

    def send(self, message: Message) -> str | None:
        """Send it to every page."""
        assert self._loop is not None
        self._newest = message.json
        if self._thread is None or not self._thread.is_alive():
            raise SinkError("the server has ended.")
        pages = list(self._pages)
        if not pages:
            return "no page is open"
        slow = [page for page in pages if page.transport.get_write_buffer_size()]
        self._loop.call_soon_threadsafe(self._broadcast, message.json, [page for page in pages if page not in slow])
        return "a page is too slow" if len(slow) == len(pages) else None

    def close(self) -> None:
        """Send what is on its way, and stop listening."""
        loop, self._loop = self._loop, None
        if loop is None or self._thread is None:
            return
        with contextlib.suppress(RuntimeError):  # it has ended by itself
            loop.call_soon_threadsafe(loop.stop)
        self._thread.join(timeout=1.0)
        self._thread = None

    # -- the server's thread -----------------------------------------------------------------------------------

    def _run(self, loop: asyncio.AbstractEventLoop, listener: socket.socket, ready: threading.Event) -> None:
        from websockets.asyncio.server import serve

        asyncio.set_event_loop(loop)

        async def begin() -> Any:
            origins = [None, LOCAL, *filter(None, [self.settings.origin])]
            return await serve(self._meet, sock=listener, origins=origins, max_size=1024, compression=None, logger=LOG)

        try:
            server = loop.run_until_complete(begin())
            loop.call_soon(ready.set)
            loop.run_forever()
            server.close()
            with contextlib.suppress(TimeoutError):
                loop.run_until_complete(asyncio.wait_for(server.wait_closed(), END_S))
        finally:
            ready.set()
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()
            listener.close()

    async def _meet(self, page: Any) -> None:
        from websockets.exceptions import ConnectionClosed

        wire = page.transport.get_extra_info("socket")
        if wire is not None:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
        if self._newest:
            await page.send(self._newest)
        self._pages.add(page)
        try:
            with contextlib.suppress(ConnectionClosed):
                async for _ in page:
                    pass
        finally:
            self._pages.discard(page)

    def _broadcast(self, text: str, pages: list[Any]) -> None:
        from websockets.asyncio.server import broadcast

        broadcast(pages, text)


def _listen(host: str, port: int) -> socket.socket:
    ways = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = min(ways, key=lambda way: way[0] != socket.AF_INET)
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener
