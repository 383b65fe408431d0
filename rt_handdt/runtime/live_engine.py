"""The live engine as a part of somebody else's program."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rt_handdt.core.bundle import Bundle
from rt_handdt.core.types import Decision
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.infer.recognizer import Provider
from rt_handdt.io import lsl
from rt_handdt.io.sink import Sink
from rt_handdt.io.sinks import parse_sink
from rt_handdt.io.source import Source
from rt_handdt.runtime.building import build_engine
from rt_handdt.runtime.connect import Connection, connect_source
from rt_handdt.runtime.engine import Engine
from rt_handdt.runtime.hub import Hub
from rt_handdt.runtime.limits import LiveLimits
from rt_handdt.runtime.lsl_source import LslSource
from rt_handdt.runtime.reconnect import Reconnector
from rt_handdt.runtime.report import run_report
from rt_handdt.runtime.snapshot import Snapshot
from rt_handdt.runtime.status import Status

_LOG = logging.getLogger(__name__)


class LiveEngine:
    """Source → `StreamClassifier` → sinks, in this process, with a watchdog beside it.

    Everything that ``rt-handdt live`` promises holds here too: no decision from samples that are too old, from another
    source or from what is no EMG; a sink that stands still delays nothing. What it has to say goes to the logger
    ``rt_handdt.runtime.live_engine``. Nothing else in the process is changed: no signal handlers, no priorities, no
    settings of the garbage collector, and LSL stays as the process has it (`rt_handdt.configure_lsl` sets it up).

    Parameters
    ----------
    bundle
        A model, or its folder; or a classifier that is ready, perhaps calibrated.
    source
        An `LslSource`, the name of an LSL stream, or an open `Source`; None: the only EMG stream there is.
    sinks
        Who is told the decisions: sinks, or texts such as ``"udp:5006"``.
    on_decision
        Called with every decision, on the worker's or the watchdog's thread, one at a time; must be quick.
    max_age_s, silence_s
        When the hand rests (see `rt_handdt.runtime.limits.LiveLimits`).
    provider, learn, bad, post_processing
        As for `StreamClassifier`; not for one that is ready.
    record
        An XDF file to make of the run, written by a process of its own: signal, markers, decisions, states.
    explain
        Whether to compute the pattern component for `snapshot`.

    Raises
    ------
    HanddtError
        If the model or a sink is not as it should be; by `start`, if source or stream are not.

    Examples
    --------
    >>> import rt_handdt as hd
    >>> with hd.LiveEngine("default", hd.LslSource("Quattrocento"), ["udp:5006"]) as engine:  # doctest: +SKIP
    ...     print(engine.decision, engine.status.sentence)
    """

    def __init__(
        self,
        bundle: Bundle | str | Path | StreamClassifier,
        source: LslSource | Source | str | None = None,
        sinks: Sequence[Sink | str] = (),
        *,
        on_decision: Callable[[Decision], None] | None = None,
        max_age_s: float = 0.15,
        silence_s: float = 0.1,
        provider: Provider = "auto",
        learn: bool = True,
        bad: Sequence[str] = (),
        post_processing: Sequence[str] = (),
        record: str | Path | None = None,
        explain: bool = False,
    ) -> None:
        self._limits = LiveLimits.parse(
            {"max_age_s": max_age_s, "silence_s": silence_s}, what="The limits of a live engine"
        )
        self._sinks = [_named(one) for one in sinks]
        self._source = LslSource(source) if source is None or isinstance(source, str) else source
        self._on_decision, self._explain = on_decision, explain
        self._record = None if record is None else Path(record)
        self.classifier = StreamClassifier.ready(
            bundle, provider=provider, learn=learn, bad=bad, post_processing=post_processing
        )
        self._engine: Engine | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Open sinks and source, and begin.

        Raises
        ------
        HanddtError
            If one of them cannot be opened, or the stream does not fit the model; the message says which.
        """
        if self._engine is not None:
            raise RuntimeError("a LiveEngine runs once; make another one")
        lsl.leave_as_it_is()
        self._engine = build_engine(
            self.classifier,
            self._connect,
            hub=(lambda about: Hub(self._sinks, about, _LOG.warning)) if self._sinks else None,
            record=self._record,
            say=_LOG.warning,
            limits=self._limits,
            on_decision=self._on_decision,
            explain=self._explain,
        )
        self._engine.start()

    def stop(self) -> None:
        """Let the hand rest, tell the sinks, and disconnect."""
        if self._engine is not None and not self._engine.ended:
            self._engine.stop()
            if self._engine.error is not None:
                _LOG.error("%s", self._engine.status.sentence)

    @property
    def decision(self) -> Decision | None:
        """What the hand was last told; None before the first decision."""
        return self._running.decision

    @property
    def status(self) -> Status:
        """State, code and sentence."""
        return self._running.status

    def snapshot(self, trace_channels: Sequence[int] | None = None, trace_seconds: float = 2.0) -> Snapshot:
        """Everything that a window shows (see `Engine.snapshot`)."""
        return self._running.snapshot(trace_channels, trace_seconds)

    def report(self) -> dict[str, Any]:
        """The run so far, as ``--report`` writes it; also after the end."""
        return run_report(self._running)

    def reset_subject(self) -> None:
        """Somebody else is at the electrodes: unsupervised adaptation begins anew with the next window."""
        self._running.forget_person()

    def raise_error(self) -> None:
        """Raise what broke the engine, if anything did."""
        self._running.raise_error()

    def _connect(self) -> tuple[Connection, Reconnector | None]:
        spec = self.classifier.spec
        if isinstance(self._source, LslSource):
            connection, reconnect = self._source.connect(spec)
        else:
            connection, reconnect = connect_source(spec, self._source), None
        for note in connection.notes:
            _LOG.info("%s", note)
        return connection, reconnect

    @property
    def _running(self) -> Engine:
        if self._engine is None:
            raise RuntimeError("the engine is not started yet; use it in a 'with' statement, or call start first")
        return self._engine


def _named(one: Sink | str) -> tuple[str, Sink]:
    return (one, parse_sink(one)) if isinstance(one, str) else (type(one).__name__, one)
