"""A guided calibration on a thread of its own, for a window that shows it."""

from __future__ import annotations

import queue
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NamedTuple

from rt_handdt.core.profile import Profile
from rt_handdt.errors import HanddtError, StreamError
from rt_handdt.runtime.background import Background
from rt_handdt.runtime.guide import Guide, Step, Verdict, View
from rt_handdt.runtime.guide_feed import GuideFeed
from rt_handdt.runtime.live_run import LiveRun
from rt_handdt.runtime.source_choice import SourceChoice

if TYPE_CHECKING:
    from rt_handdt.infer.classifier import StreamClassifier
    from rt_handdt.runtime.connect import Connection

Wish = Literal["repeat", "back", "go_on", "undo", "finish"]
JOIN_S = 0.8
#: Between two looks at what is wished.
LOOK_S = 0.2


class Stage(StrEnum):
    """Where a run stands."""

    OPENING = "opening"
    """The model is loaded, and the stream looked for."""
    GUIDING = "guiding"
    """Rest and gestures are asked for."""
    FITTED = "fitted"
    """It came to a profile."""
    OVER = "over"
    """It came to nothing; `Progress.sentences` say why."""


class Progress(NamedTuple):
    """What a screen shows.

    Attributes
    ----------
    stage
        See there.
    view
        Of the guide; None before it begins.
    verdicts
        Each step that is asked for, and how it went; None: not heard yet.
    sentences
        What is to be known: notes on the stream, what the fit came to, or why it came to nothing.
    profile
        Once it is fitted.
    """

    stage: Stage
    view: View | None = None
    verdicts: tuple[tuple[Step, Verdict | None], ...] = ()
    sentences: tuple[str, ...] = ()
    profile: Profile | None = None


class CalibrationRun(Background):
    """Runs from when it is made until it is fitted, has failed or is closed; what was not fitted then is gone.

    Parameters
    ----------
    run
        Whose model and stream.
    repetitions, hold_s, prepare_s
        See `rt_handdt.runtime.guide.Guide`.
    """

    def __init__(self, run: LiveRun, *, repetitions: int = 1, hold_s: float = 3.0, prepare_s: float = 2.0) -> None:
        super().__init__("handdt-calibration", JOIN_S)
        self.run = run
        self._repetitions, self._hold_s, self._prepare_s = repetitions, hold_s, prepare_s
        self._wishes: queue.SimpleQueue[Wish | int] = queue.SimpleQueue()
        self._progress = Progress(Stage.OPENING)
        self._begin()

    @property
    def progress(self) -> Progress:
        """How far it is; from any thread."""
        return self._progress

    def wish(self, wish: Wish) -> None:
        """Make the present step again, the one before, leave it as it was heard, take back what was heard last, or fit
        what was heard until now."""
        self._wishes.put(wish)

    def redo(self, number: int) -> None:
        """Make one of the steps again, also once it is fitted: it is fitted anew then."""
        self._wishes.put(number)

    def _failed(self, sentence: str) -> None:
        self._progress = self._progress._replace(stage=Stage.OVER, sentences=(sentence,))

    def _work(self) -> None:
        from rt_handdt.infer.classifier import StreamClassifier
        from rt_handdt.io import lsl
        from rt_handdt.runtime.connect import connect

        run = self.run
        classifier = StreamClassifier(run.bundle, provider=run.provider, bad=run.bad)  # type: ignore[arg-type]
        guide = Guide(
            classifier,
            repetitions=self._repetitions,
            rest_s=max(3.0, self._hold_s),
            hold_s=self._hold_s,
            prepare_s=self._prepare_s,
        )
        lsl.configure(network=run.network)
        choice = run.stream if isinstance(run.stream, SourceChoice) else SourceChoice(run.stream)
        connection = connect(classifier.spec, choice, timeout_s=run.timeout_s, over=self._over)
        try:
            self._guide(guide, classifier, connection)
        finally:
            connection.close()

    def _guide(self, guide: Guide, classifier: StreamClassifier, connection: Connection) -> None:
        """Listen and fit, and again where a step is made again after that."""
        feed = GuideFeed(guide, classifier, connection)
        there = True
        while there:
            lost = self._listen(guide, feed, connection)
            if self._over.is_set():
                return
            said = (*((lost,) if lost else ()), *feed.notes)
            try:
                report = classifier.reader.fit(guide.windows())
            except HanddtError as exc:
                raise type(exc)(" ".join((*said, str(exc)))) from None
            profile = classifier.profile(report, rest_rms_uv=guide.rest_rms_uv, active_rms_uv=guide.active_rms_uv)
            self._progress = self._progress._replace(
                stage=Stage.FITTED,
                verdicts=_verdicts(guide),
                sentences=(*said, *report.sentences()),
                profile=profile,
            )
            there = not lost and self._wait(guide, feed)

    def _listen(self, guide: Guide, feed: GuideFeed, connection: Connection) -> str:
        """Until all was heard, or the stream is lost: why it is."""
        early: tuple[str, ...] = ()
        while not guide.done and not self._over.is_set():
            self._progress = Progress(
                Stage.GUIDING, guide.view(), _verdicts(guide), (*connection.notes, *feed.notes, *early)
            )
            try:
                feed.step(LOOK_S)
            except StreamError as exc:
                guide.finish()
                return f"{exc} What was heard until then counts."
            while not self._wishes.empty():
                wish = self._wishes.get()
                if wish == "finish":
                    try:
                        guide.windows()
                    except HanddtError as exc:
                        early = (str(exc),)
                        continue
                _do(guide, wish)
        return ""

    def _wait(self, guide: Guide, feed: GuideFeed) -> bool:
        """Whether something is made again; the stream goes by meanwhile."""
        while not self._over.is_set():
            try:
                feed.step(LOOK_S)
            except StreamError:
                return False  # what was fitted stands
            while not self._wishes.empty():
                wish = self._wishes.get()
                if wish == "undo" or isinstance(wish, int):
                    _do(guide, wish)
                    return True
        return False


def _do(guide: Guide, wish: Wish | int) -> None:
    if isinstance(wish, int):
        guide.redo(wish)
    else:
        getattr(guide, wish)()


def _verdicts(guide: Guide) -> tuple[tuple[Step, Verdict | None], ...]:
    return tuple((step, guide.verdicts.get(step)) for step in guide.steps)
