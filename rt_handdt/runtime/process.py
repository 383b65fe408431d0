"""The engine in a process of its own, so that a window never costs it time."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float32
from rt_handdt.errors import HanddtError, sentence_of
from rt_handdt.io.description import shown
from rt_handdt.runtime.engine import Engine
from rt_handdt.runtime.live_run import LiveRun
from rt_handdt.runtime.opening import open_engine
from rt_handdt.runtime.report import run_report
from rt_handdt.runtime.report_file import ReportFile
from rt_handdt.runtime.signal_memory import SignalMemory
from rt_handdt.runtime.snapshot import Snapshot
from rt_handdt.runtime.status import State

#: Between two snapshots; a window draws about as often.
FRAME_S = 1 / 30
#: A worker that is busy, or looks for a lost source, is waited for no longer than this at the end.
STOP_S = 0.5
#: So long without a word, and the window says so.
NO_ANSWER_S = 1.0
#: More samples than ever come.
NONE_BEFORE = 2**62
#: A process that does not end within this is killed.
END_S = 5.0


@dataclass(frozen=True)
class EngineFacts:
    """What a window has to know of an engine before it opens.

    Attributes
    ----------
    layout, labels, shared_pattern
        See `rt_handdt.runtime.engine.Engine`.
    fs_hz
        Rate of the signal.
    headline
        Model, provider and stream in one line.
    reject_below
        The decoder's threshold.
    """

    layout: ElectrodeLayout
    labels: tuple[str, ...]
    shared_pattern: bool
    fs_hz: float
    headline: str
    reject_below: float


class EngineProcess:
    """Starts an engine in another process, and is to a window what the engine would be.

    The other process writes the report, whatever becomes of this one: it ends, with its report, when the pipe between
    them closes.

    Parameters
    ----------
    run
        What is asked for.
    report
        Where the report goes; None: nowhere.
    say
        Called with what the engine's process has to tell the user, on a thread of this object.

    Raises
    ------
    HanddtError
        By `wait_until_ready`, whatever `open_engine` raises.
    """

    def __init__(self, run: LiveRun, report: Path | None, say: Callable[[str], None]) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(run, report, theirs), name="handdt-engine", daemon=True)
        self._process.start()
        theirs.close()
        self._say = say
        #: Electrodes that the user does without.
        self.bad = run.bad
        self._sending = threading.Lock()
        self._ready = threading.Event()
        self._facts: EngineFacts | None = None
        self._memory: SignalMemory | None = None
        self._newest = Snapshot()
        self._heard_s = time.monotonic()
        self._followed = self._resumed = False
        self._report: dict[str, Any] | None = None
        self.error: BaseException | None = None
        self._reader = threading.Thread(target=self._listen, name="handdt-engine-pipe", daemon=True)
        self._reader.start()

    def wait_until_ready(self) -> EngineFacts:
        """Wait for the stream to be found and the engine to be started."""
        self._ready.wait()
        if self.error is not None:
            raise self.error
        assert self._facts is not None
        return self._facts

    @property
    def started(self) -> bool:
        """Whether the engine has ever run."""
        return self._facts is not None

    # -- what a window needs -----------------------------------------------------------------------------------

    @property
    def layout(self) -> ElectrodeLayout:
        """The electrode grid."""
        return self._known().layout

    @property
    def labels(self) -> tuple[str, ...]:
        """The gestures, in the order of the model's outputs."""
        return self._known().labels

    @property
    def shared_pattern(self) -> bool:
        """Whether the pattern component is what people share of a gesture."""
        return self._known().shared_pattern

    @property
    def memory(self) -> SignalMemory:
        """The last half minute of the signal, while `snapshot` is asked for traces."""
        self._known()
        assert self._memory is not None
        return self._memory

    def _known(self) -> EngineFacts:
        if self._facts is None:
            raise RuntimeError("the engine's process is not ready yet; call wait_until_ready first")
        return self._facts

    def snapshot(self, trace_channels: Sequence[int] | None = None) -> Snapshot:
        """The newest snapshot; with channels the signal is followed, and the newest of it is in `memory`."""
        follow = bool(trace_channels)
        if follow != self._followed:
            self._followed = self._resumed = follow
            self._send("signal", follow)
        silent_s = time.monotonic() - self._heard_s
        if self.error is not None:
            outputs = None if self._newest.outputs is None else False  # sinks rest when the engine is gone
            failed = replace(self._newest, state=State.FAILED, code="failed", message=str(self.error))
            sinks = tuple(one._replace(state="closed") for one in self._newest.sinks)
            return replace(failed, outputs=outputs, recording="", sinks=sinks)
        if silent_s > NO_ANSWER_S:
            message = f"The engine's process has not answered for {silent_s:.0f} s."
            return replace(self._newest, state=State.BEHIND, code="no_answer", message=message)
        return self._newest

    def forget_person(self) -> None:
        """Somebody else is at the electrodes: learn anew."""
        self._send("forget")

    def set_bad(self, names: Sequence[str]) -> None:
        """Do without these electrodes (see `Engine.set_bad`)."""
        self.bad = tuple(names)
        self._send("bad", self.bad)

    def set_outputs(self, on: bool) -> None:
        """Switch the sinks on or off (see `Engine.set_outputs`)."""
        self._send("outputs", on)

    # -- the end -----------------------------------------------------------------------------------------------

    def stop(self, end_s: float = END_S) -> dict[str, Any] | None:
        """End the run, and return its report; None if there is none.

        Parameters
        ----------
        end_s
            A process that has not ended by then is killed; what sinks tell and what is recorded outlives it.
        """
        until = time.monotonic() + end_s
        if self._facts is None:  # it still looks for the stream: there is nothing to report, and nobody to wait for
            self._process.kill()
        self._send("stop")
        self._reader.join(timeout=end_s)
        self._process.join(timeout=max(0.05, until - time.monotonic()))
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._pipe.close()
        return self._report

    def raise_error(self) -> None:
        """Raise what stopped the engine, if anything did."""
        if self.error is not None:
            raise self.error

    # -- the pipe ----------------------------------------------------------------------------------------------

    def _send(self, *message: Any) -> None:
        with self._sending, contextlib.suppress(OSError):  # a process that is gone is found out by `_listen`
            self._pipe.send(message)

    def _listen(self) -> None:
        try:
            while True:
                kind, *values = self._pipe.recv()
                self._heard_s = time.monotonic()
                if kind == "snapshot":
                    self._remember(*values)
                elif kind == "say":
                    self._say(values[0])
                elif kind == "ready":
                    self._facts = values[0]
                    self._memory = SignalMemory(self._facts.layout.n_channels, self._facts.fs_hz)
                    self._ready.set()
                elif kind == "over":
                    self._report, self.error = values
                    return
        except (EOFError, OSError):
            self._process.join(timeout=1.0)
            self.error = self.error or RuntimeError(
                f"the engine's process has ended by itself (exit code {self._process.exitcode})"
            )
        finally:
            self._ready.set()

    def _remember(self, shot: Snapshot, samples: Float32 | None) -> None:
        lost, gaps = shot.samples_lost - self._newest.samples_lost, shot.gaps - self._newest.gaps
        self._newest = shot
        if samples is None or self._memory is None:
            return
        if gaps > 0 or (self._resumed and self._memory.written):
            self._memory.skip(max(lost, 0))  # some may have been taken back
        self._resumed = False
        self._memory.push(samples)


def _serve(run: LiveRun, report: Path | None, pipe: Pipe) -> None:
    """The other process: an engine, and a loop that answers the window."""
    sys.setswitchinterval(0.0005)  # as the command line does
    over = threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the window's, which says what follows from it
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, frame: over.set())
    figures: dict[str, Any] | None = None
    error: BaseException | None = None
    said: deque[str] = deque(maxlen=100)  # sinks speak on threads of their own, and a pipe takes one sender

    def say(sentence: str) -> None:
        if threading.current_thread() is threading.main_thread():
            pipe.send(("say", sentence))
        else:
            said.append(sentence)

    try:
        engine = open_engine(run, say)
    except BaseException as exc:
        _last_words(pipe, None, exc)
        return
    file = ReportFile(report, lambda: run_report(engine), lambda sentence: _warn(pipe, sentence))
    try:
        engine.start()
        file.start()
        pipe.send(("ready", _facts(engine)))
        _answer(engine, pipe, said, over)
    except (EOFError, OSError):
        pass  # the window is gone, and with it whoever could be told
    except BaseException as exc:
        error = exc
    finally:
        engine.stop(STOP_S)
        figures = file.close()
        while said:
            _warn(pipe, said.popleft())
    _last_words(pipe, figures, error or engine.error)


def _answer(engine: Engine, pipe: Pipe, said: deque[str], over: threading.Event) -> None:
    came: int | None = None  # samples that the window has; None: it wants none
    due_s = time.monotonic() + FRAME_S
    while not over.is_set():
        while said:
            pipe.send(("say", said.popleft()))
        if pipe.poll(max(0.0, due_s - time.monotonic())):
            kind, *values = pipe.recv()
            if kind == "stop":
                return
            if kind == "forget":
                engine.forget_person()
            elif kind == "outputs":
                engine.set_outputs(values[0])
            elif kind == "bad":
                engine.set_bad(values[0])
            elif kind == "signal":
                came = engine.signal_since(NONE_BEFORE)[0] if values[0] else None
        if time.monotonic() >= due_s:  # however much was asked for meanwhile
            due_s = time.monotonic() + FRAME_S
            shot, samples = engine.snapshot(), None
            if came is not None:
                came, samples = engine.signal_since(came)
            pipe.send(("snapshot", shot, samples))


def _facts(engine: Engine) -> EngineFacts:
    return EngineFacts(
        engine.layout,
        engine.labels,
        engine.shared_pattern,
        engine.spec.fs_hz,
        headline(engine),
        engine.classifier.post_processing.reject_below,
    )


def headline(engine: Engine) -> str:
    """Model, provider and stream of an engine, in one line."""
    manifest = engine.recognizer.bundle.manifest
    name = shown(engine.description.name)
    return (
        f"{manifest.name} ({len(engine.labels)} classes, {engine.recognizer.provider}) on {name} "
        f"({engine.layout.n_channels} channels, {engine.spec.fs_hz:g} Hz)"
    )


def _warn(pipe: Pipe, sentence: str) -> None:
    try:
        pipe.send(("say", sentence))
    except OSError:
        print(sentence, file=sys.stderr)


def _last_words(pipe: Pipe, figures: dict[str, Any] | None, error: BaseException | None) -> None:
    if error is not None and not isinstance(error, HanddtError):
        error = RuntimeError(sentence_of(error))  # any class may not be known, or fit through the pipe
    with contextlib.suppress(OSError):
        pipe.send(("over", figures, error))
    pipe.close()
