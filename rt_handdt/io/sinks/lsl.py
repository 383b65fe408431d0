"""Decisions as LSL streams."""

from __future__ import annotations

from pydantic import Field

from rt_handdt.io.lsl.decision_outlet import DecisionOutlet
from rt_handdt.io.message import SCHEMA, Message
from rt_handdt.io.sink import About, SinkSettings
from rt_handdt.io.sinks.base import ConfiguredSink


class LslSettings(SinkSettings):
    """Settings of the streams.

    Attributes
    ----------
    name
        Of the stream of numbers; that of markers is called ``<name>_markers``.
    """

    positional = ("name",)

    name: str = Field("rt_handdt", min_length=1, max_length=200)


class LslSink(ConfiguredSink):
    """``lsl`` or ``lsl:NAME``: a row of numbers a decision, stamped when it was told, and a marker at each change.

    A marker's text is the label, or ``rest (CODE)`` where the hand rests because of the engine's state. Not a number
    (NaN) where there is no newest sample.
    """

    Settings = LslSettings
    _out: DecisionOutlet | None = None

    def open(self, about: About) -> None:
        """Make the streams."""
        self._about = about
        self._said: tuple[str, str, str] | None = None
        self._out = DecisionOutlet(self.settings.name, columns(about), about.rate_hz, facts(about))

    def send(self, message: Message) -> str | None:
        """Send its row, and a marker if it tells something else than the last."""
        assert self._out is not None
        self._out.push(row(message, self._about), message.told_s)
        if message.what != self._said:
            self._said = message.what
            self._out.mark(mark(message), message.told_s)
        return None

    def close(self) -> None:
        """Take the streams away."""
        if self._out is not None:
            self._out.close()
            self._out = None


def row(message: Message, about: About) -> list[float]:
    """A decision as numbers, in the order of `columns`."""
    return [
        message.index,
        *message.probabilities,
        message.confidence,
        message.rejected,
        message.level,
        about.states.index(message.state) if message.state in about.states else -1,
        message.age_ms,
        message.time_s,
        message.seq,
        message.repeat,
        *message.velocities,
    ]


def mark(message: Message) -> str:
    """The marker at a change."""
    return message.label if message.running else f"{message.label} ({message.code})"


def columns(about: About) -> list[tuple[str, str, str]]:
    """Label, unit and type of each column of a row."""
    return [
        ("label_index", "index", "Class"),
        *((f"p_{label}", "probability", "Probability") for label in about.labels),
        ("confidence", "probability", "Probability"),
        ("rejected", "boolean", "Flag"),
        ("level", "normalized", "Level"),
        ("state", "code", "State"),
        ("age", "milliseconds", "Age"),
        ("window_end", "seconds", "Time"),
        ("seq", "count", "Counter"),
        ("repeat", "boolean", "Flag"),
        *((f"v_{name}", "normalized", "Velocity") for name in about.dofs),
    ]


def facts(about: About) -> dict[str, str]:
    """What the streams say of themselves."""
    said = {
        "schema": SCHEMA,
        "model": about.model,
        "labels": ",".join(about.labels),
        "states": ",".join(about.states),
        "setup": about.setup,
    }
    return {name: text for name, text in said.items() if text}
