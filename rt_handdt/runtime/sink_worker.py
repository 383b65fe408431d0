"""One sink and its thread: whatever the sink does, nobody else waits for it."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from rt_handdt.errors import HanddtError, SinkError, sentence_of
from rt_handdt.io.lsl import clock
from rt_handdt.io.message import Message
from rt_handdt.io.sink import About, Sink
from rt_handdt.runtime.percentiles import percentiles_ms

#: Messages that may wait for a sink, and for one that keeps a record: a second, and two minutes at 64 a second.
WAITING, WAITING_RECORD = 64, 8192
#: A sink that failed is tried again after this, and each further time after twice as long, up to the limit …
RETRY_S, RETRY_LIMIT_S = 0.25, 2.0
#: … until it has worked for so long.
WORKED_S = 5.0
#: While nothing is decided, the state is repeated at the pace of decisions, but not faster than this.
SHORTEST_BEAT_S = 0.01
#: The same is said again only after so long: a receiver may come and go many times a second.
SAME_S = 30.0
#: So many of the newest are summed up in the report's delay: two minutes at 64 a second.
DELAYS = 8192
#: Between two looks at a sink with nothing to send.
LOOK_S = 1.0


class SinkWorker:
    """Hands messages to a sink on a thread of its own.

    Its queue is bounded; where it is full the oldest go. A gesture that has become too old in it is not sent, and a
    rest because of the engine's state overtakes gestures that wait (not so where the sink keeps a record). After a time
    without a message the last one is repeated, as rest once its gesture is too old.

    Parameters
    ----------
    name
        As the user asked for it.
    sink
        Not opened.
    about
        What the sink may tell its receivers at first.
    say
        Called on any thread with a sentence when the sink fails or works again.
    first_seq
        Number of the first message that it is to be told; those that are missing before the one that comes are dropped.
    count
        Called on its thread with its counters (see `rt_handdt.runtime.tally`) whenever they may have changed.

    Attributes
    ----------
    sent, repeats
        Messages that left, and repetitions that did.
    skipped
        Left out by the sink's settings (``on=change``, ``rate``).
    dropped
        Too old, overtaken, too many in the queue, or the sink had failed.
    untaken
        Nobody was there to take them, or nobody took them in time.
    failures, resumed
        How often the sink has failed, and worked again.
    """

    def __init__(
        self,
        name: str,
        sink: Sink,
        about: About,
        say: Callable[[str], None],
        first_seq: int = 0,
        count: Callable[[tuple[int, ...]], None] = lambda counts: None,
    ) -> None:
        self.name = name
        self.sent = self.repeats = self.skipped = self.dropped = self.untaken = 0
        self.failures = self.resumed = 0
        self.last_error = ""
        self.state = "closed"
        self._sink, self._about, self._say, self._count = sink, about, say, count
        settings = sink.settings
        self._settings = settings
        self._record = settings.record
        self._inbox: deque[Message] = deque(maxlen=WAITING_RECORD if self._record else WAITING)
        self._waiting: deque[Message] = deque()
        self._taken = self._first = first_seq  # the next sequence number that is to come out of the inbox
        self._told = first_seq
        self._last: Message | None = None  # the newest that was taken out of the queue: what the receiver should know
        self._what: tuple[str, str, str] | None = None  # what it was told last
        self._moving = True  # whether that was to move; it may be, before it was told anything
        self._left_s = self._due_s = self._tried_s = self._up_s = 0.0
        self._retry_s = RETRY_S
        self._delays_s: deque[float] = deque(maxlen=DELAYS)
        self._notes: dict[str, float] = {}
        self._over = threading.Event()
        # A lock that means "nothing new" while it is held: the cheapest way to wake a thread, and nobody waits to wake.
        self._news = threading.Lock()
        self._news.acquire()
        self._thread = threading.Thread(target=self._work, name=f"handdt-sink-{name}"[:60], daemon=True)

    # -- from outside ------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open the sink for the first time, on the caller's thread.

        Raises
        ------
        HanddtError
            If that cannot be; whatever else the sink raises becomes a `SinkError`.
        """
        try:
            self._sink.open(self._about)
        except HanddtError as exc:
            raise SinkError(f"--sink {self.name}: {exc}") from None
        except Exception as exc:
            raise SinkError(f"--sink {self.name}: cannot be opened ({type(exc).__name__}: {exc}).") from None
        self.state = "open"
        self._up_s = clock()

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def tell(self, message: Message) -> None:
        """Hand it a message, in order; any one thread, never waits."""
        self._inbox.append(message)
        self._told = message.seq + 1
        self._wake()

    def end(self) -> None:
        """Have it send what waits, and end; see `join`."""
        self._over.set()
        self._wake()

    def join(self, timeout_s: float) -> None:
        """Wait until it has ended; one that does not is left to itself."""
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        elif not self._over.is_set() or self.state == "open":
            self._close()
        if self._thread.is_alive():
            self.state = "stuck"
            self._note("does not let go; it is left to itself.")

    def report(self) -> dict[str, Any]:
        """Its counters, as plain values; ``told`` is the sum of ``sent``, ``skipped``, ``dropped``, ``untaken``, and
        of what waits (``waiting``). ``delay_ms`` runs from the decision to the end of its sending."""
        # counted first: what is told meanwhile would else look as if it waited
        told = self._told - self._first
        done = {"sent": self.sent, "skipped": self.skipped, "dropped": self.dropped, "untaken": self.untaken}
        return {
            "name": self.name,
            "state": self.state,
            "told": told,
            **done,
            "waiting": max(0, told - sum(done.values())),
            "repeats": self.repeats,
            "failures": self.failures,
            "resumed": self.resumed,
            "delay_ms": self._delay_ms(),
            "last_error": self.last_error,
        }

    def _counts(self) -> tuple[int, ...]:
        told = self._told - self._first
        done = (self.sent, self.skipped, self.dropped, self.untaken)
        return (told, *done, self.repeats, self.failures, self.resumed)

    def _delay_ms(self) -> dict[str, float | None]:
        """From the decision to the end of its sending."""
        found = percentiles_ms(self._delays_s.copy())
        return {key: found[key] for key in ("p50", "p99", "max")}

    # -- its thread --------------------------------------------------------------------------------------------

    def _work(self) -> None:
        tries = 1  # that are left once it is over
        while True:
            self._count(self._counts())
            over = self._over.is_set()  # before the queue is looked at: what came before the end is sent
            self._take()
            if over and self.state == "failed":
                tries -= 1
            if self.state == "failed" and not (tries >= 0 and self._try_again(clock(), over)):
                if over:
                    break
            elif self._waiting:
                self._pass_on(self._waiting[0])
                continue
            elif over:
                break
            elif self._beat_due(clock()):
                self._repeat()
                continue
            self._news.acquire(timeout=self._pause_s(clock()))
        self._take()
        self._drop_waiting()
        if self.state != "failed":
            self._close()

    def _take(self) -> None:
        """From the inbox into the order in which it is sent."""
        while self._inbox and len(self._waiting) < WAITING_RECORD:
            message = self._inbox.popleft()
            self.dropped += message.seq - self._taken  # what a full inbox has pushed out
            self._taken = message.seq + 1
            if not self._record and not message.running:
                self._drop_gestures()
            self._waiting.append(message)
            self._last = message

    def _pass_on(self, message: Message) -> None:
        now = clock()
        late = now - message.told_s > self._about.max_age_s
        if not self._record and (message.too_old(now, self._about.max_age_s) or late) and len(self._waiting) > 1:
            self._drop_first()
            return
        if not self._record and message.too_old(now, self._about.max_age_s):
            self._drop_first()
            self._repeat()  # the receiver may still hold what it was told before
            return
        if not self._wanted(message, now):
            self.skipped += 1
            self._waiting.popleft()
            return
        done = self._send(message)
        if done is None:  # it failed: a record is written later
            if not self._record:
                self._drop_first()
            return
        self._waiting.popleft()
        if done:
            self.sent += 1
            self._delays_s.append(self._left_s - message.told_s)
        else:
            self.untaken += 1

    def _repeat(self) -> None:
        assert self._last is not None
        now = clock()
        message = self._last.again(now, self._about.max_age_s)
        if self._send(message):
            self.repeats += 1

    def _wanted(self, message: Message, now: float) -> bool:
        if self._moving and not message.moves:
            return True
        if self._settings.on == "change" and message.what == self._what:
            return False
        return not self._settings.rate or now >= self._due_s

    def _send(self, message: Message) -> bool | None:
        """True: it left. False: nobody took it. None: the sink failed."""
        try:
            refused = self._sink.send(message)
        except BaseException as exc:  # somebody else's code: SystemExit in it must not end this thread silently
            self._fail(exc)
            return None
        self._left_s = now = clock()
        if self._settings.rate:  # on average: decisions come at their own pace, and each second one would be too few
            pause_s = 1 / self._settings.rate
            self._due_s = max(self._due_s, now - pause_s / 2) + pause_s if self._due_s else now + pause_s
        if self.failures and self._retry_s > RETRY_S and now - self._up_s > WORKED_S:
            self._retry_s = RETRY_S
        state = refused or "open"
        if state != self.state:
            before, self.state = self.state, state
            if refused:
                self._note(f"{refused}.")
            elif before != "open":
                self._note("messages are taken.")
        if refused:
            return False
        self._what, self._moving = message.what, message.moves
        return True

    def _beat_due(self, now: float) -> bool:
        return self._last is not None and bool(self._settings.heartbeat) and self._next_beat_s() <= now

    def _next_beat_s(self) -> float:
        beat = self._settings.heartbeat
        if self._last is not None and not self._last.running and self._settings.on == "every":
            beat = min(beat, max(1 / self._about.rate_hz, SHORTEST_BEAT_S))
        if self._settings.rate:
            beat = max(beat, 1 / self._settings.rate)
        return self._left_s + beat

    def _pause_s(self, now: float) -> float:
        if self.state == "failed":
            return max(0.0, self._tried_s + self._retry_s - now)
        if self._last is None or not self._settings.heartbeat:
            return LOOK_S
        return max(0.0, self._next_beat_s() - now)

    # -- failing and coming back -------------------------------------------------------------------------------

    def _fail(self, exc: BaseException) -> None:
        self.failures += 1
        self.state = "failed"
        self.last_error = sentence_of(exc)
        self._tried_s = clock()
        self._note(f"{self.last_error} It is tried again; decisions go on.")
        self._let_go()

    def _try_again(self, now: float, over: bool) -> bool:
        """Whether the sink is open again."""
        if not self._record:
            self._drop_waiting()
        if now - self._tried_s < self._retry_s and not (over and self._waiting):
            return False
        self._tried_s = now
        try:
            self._sink.open(self._about)
        except BaseException as exc:
            self.last_error = sentence_of(exc)
            self._retry_s = min(2 * self._retry_s, RETRY_LIMIT_S)
            self._let_go()
            return False
        self._retry_s = min(2 * self._retry_s, RETRY_LIMIT_S)  # until it has worked for a while
        self._up_s = clock()
        self.state = "open"
        self.resumed += 1
        self._what, self._moving = None, True
        self._note("works again.")
        if not self._record and self._last is not None and not self._waiting:
            self._repeat()
        return self.state != "failed"

    def _drop_first(self) -> None:
        if self._waiting:
            self._waiting.popleft()
            self.dropped += 1

    def _drop_gestures(self) -> None:
        kept = [one for one in self._waiting if not one.moves]
        self.dropped += len(self._waiting) - len(kept)
        self._waiting = deque(kept)

    def _drop_waiting(self) -> None:
        self.dropped += len(self._waiting)
        self._waiting.clear()

    def _close(self) -> None:
        self._let_go()
        self.state = "closed"

    def _let_go(self) -> None:
        with contextlib.suppress(BaseException):  # it is over with it, whatever it says
            self._sink.close()

    def _note(self, sentence: str) -> None:
        now = clock()
        if now - self._notes.get(sentence, -SAME_S) < SAME_S:
            return
        if len(self._notes) > 16:
            self._notes.clear()
        self._notes[sentence] = now
        with contextlib.suppress(Exception):  # a terminal that is gone is no reason to stop
            self._say(f"{self.name}: {sentence}")

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # it is awake already
            self._news.release()
