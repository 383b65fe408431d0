"""An engine and all that hangs on it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from rt_handdt.core.types import Decision
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.io.sink import About
from rt_handdt.runtime.connect import Connection
from rt_handdt.runtime.engine import Engine
from rt_handdt.runtime.hub import Hub
from rt_handdt.runtime.limits import LiveLimits
from rt_handdt.runtime.reconnect import Reconnector
from rt_handdt.runtime.recorder import Recorder
from rt_handdt.runtime.repeating import setup_of, taken_electrodes
from rt_handdt.runtime.sink_process import SinkProcess
from rt_handdt.runtime.status import State


def build_engine(
    classifier: StreamClassifier,
    connect: Callable[[], tuple[Connection, Reconnector | None]],
    *,
    hub: Callable[[About], Hub | SinkProcess] | None,
    record: Path | None,
    say: Callable[[str], None],
    limits: LiveLimits,
    on_decision: Callable[[Decision], None] | None = None,
    explain: bool = False,
    priority: bool = False,
    outputs: bool = True,
) -> Engine:
    """Open sinks, recording and stream, in this order, and put an engine between them. It is not started.

    If one of them cannot be opened, those that are open already are closed.

    Parameters
    ----------
    classifier
        The model, calibrated if it is to be.
    connect
        Opens the stream; called last, lest samples pile up meanwhile.
    hub
        Makes what tells the sinks; None: there are none.
    record
        An XDF file to make of the run; None: none.
    say
        Called with what is to be known, sentence by sentence; also later, on other threads.
    limits, on_decision, explain, priority, outputs
        See `Engine`.

    Raises
    ------
    HanddtError
        If a sink, the file or the stream cannot be opened; the message says which.
    """
    spec = classifier.spec
    setup, files = setup_of(classifier)
    about = About(
        labels=classifier.labels,
        states=tuple(State),
        rate_hz=spec.fs_hz / spec.hop_samples,
        max_age_s=limits.max_age_s,
        model=classifier.bundle.manifest.name,
        dofs=classifier.dofs,
        setup=setup.text(),
    )
    with ExitStack() as undo:
        told = None
        if hub is not None:
            told = hub(about)
            told.open()
            undo.callback(told.close)
        recorder = None
        if record is not None:
            recorder = Recorder(record, about, say)
            recorder.start()
            undo.callback(recorder.close)
        connection, reconnect = connect()
        undo.callback(connection.close)
        if recorder is not None:
            recorder.open(connection.inlet.describe())
            electrodes = taken_electrodes(connection, spec)
            if files or electrodes:
                content = {name: b64encode(data).decode() for name, data in files.items()}
                recorder.event(files=content, electrodes=electrodes)
        engine = Engine(
            classifier,
            connection,
            reconnect=reconnect,
            on_decision=on_decision,
            explain=explain,
            priority=priority,
            limits=limits,
            hub=told,
            outputs=outputs,
            tap=recorder,
        )
        undo.pop_all()
    return engine
