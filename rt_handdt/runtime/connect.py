"""Connecting a stream to a model."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Chunk, Float64
from rt_handdt.errors import StreamError
from rt_handdt.io.choosing import answers_to, choose
from rt_handdt.io.lsl import Finder, Heard, MarkerInlet, SignalInlet
from rt_handdt.io.source import Source, TimeJudge, time_judge
from rt_handdt.runtime.matching import match, may_fit
from rt_handdt.runtime.source_choice import SourceChoice


@dataclass(frozen=True)
class Connection:
    """An open stream that fits the model.

    Attributes
    ----------
    inlet, markers
        The signal, and its marker stream if it has one.
    order
        Shape (n_channels of the layout,): the stream's column of each electrode.
    to_uv
        Shape (n_channels,): factor from each electrode's unit to µV.
    notes
        Sentences that the user should read: what else was there, columns left out, markers that cannot be used.
    beside
        Numbers (uid) of the other streams that were there when this one was chosen.
    same_source
        False if this source came in the place of another, by the user's leave: nothing learnt of the other holds.
    """

    inlet: Source
    markers: MarkerInlet | None
    order: npt.NDArray[np.intp]
    to_uv: Float64
    notes: tuple[str, ...] = ()
    beside: frozenset[str] = frozenset()
    same_source: bool = True

    @cached_property
    def timeline(self) -> TimeJudge:
        """What is known of the source's time."""
        return time_judge(self.inlet)

    def microvolts(self, chunk: Chunk) -> Float64:
        """The electrodes' samples of a chunk in the layout's order, (n_samples, n_channels), µV."""
        samples: Float64 = chunk.samples[:, self.order].astype(np.float64)
        samples *= self.to_uv
        return samples

    def close(self) -> None:
        """Disconnect both."""
        self.inlet.close()
        if self.markers is not None:
            self.markers.close()


def connect(
    spec: PipelineSpec,
    choice: SourceChoice | str | None = None,
    *,
    timeout_s: float = 5.0,
    over: threading.Event | None = None,
) -> Connection:
    """Find a stream, open it, and check it against a pipeline.

    Parameters
    ----------
    spec
        What the model was trained for.
    choice
        Which stream, and how its columns are the model's electrodes; or only the stream's name.
    timeout_s
        Longest wait for streams to answer; shorter where all have answered.
    over
        Set by whoever wants it no more, and waits for the end of it.

    Raises
    ------
    StreamError
        If no such stream is found in time, or more than one that could be meant.
    LayoutMismatch
        If rate, channels or unit do not fit; the message says which, and how to map them.
    """
    wanted = choice if isinstance(choice, SourceChoice) else SourceChoice(choice)
    heard = Finder().gather(
        timeout_s, lambda one: one.is_signal and answers_to(one, wanted.stream, wanted.kind), over=over
    )
    return open_source(spec, wanted, choose_heard(spec, wanted, heard), heard)


def connect_source(spec: PipelineSpec, source: Source, choice: SourceChoice | None = None) -> Connection:
    """Check a source that is open already against a pipeline; it is left open.

    Raises
    ------
    LayoutMismatch
        If rate, channels or unit do not fit.
    """
    order, to_uv, notes = match(source.describe(), spec, choice or SourceChoice())
    return Connection(source, None, order, to_uv, notes)


def choose_heard(spec: PipelineSpec, choice: SourceChoice, heard: Sequence[Heard]) -> Heard:
    """The one stream that is meant (see `rt_handdt.io.choosing.choose`)."""
    descriptions = [one.description for one in heard]
    chosen = choose(descriptions, choice.stream, choice.kind, lambda one: may_fit(one, spec))
    return next(one for one in heard if one.description is chosen)


def open_source(spec: PipelineSpec, choice: SourceChoice, chosen: Heard, heard: Sequence[Heard]) -> Connection:
    """Open a stream of those that were heard, with its markers (see `connect` for errors)."""
    source = SignalInlet(chosen)
    try:
        order, to_uv, notes = match(source.describe(), spec, choice)
        try:
            markers = MarkerInlet.beside(source.describe(), heard=heard)
        except StreamError as exc:
            markers, notes = None, (*notes, str(exc))
    except BaseException:
        source.close()
        raise
    rest = [one.description for one in heard if one is not chosen]
    signals = [one for one in rest if one.is_signal or one.name == chosen.description.name]
    if signals:
        listed = "; ".join(one.words() for one in signals)
        notes = (f"Taken is {chosen.description.words()}; there is also {listed}.", *notes)
    return Connection(source, markers, order, to_uv, notes, frozenset(one.uid for one in rest))
