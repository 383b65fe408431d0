"""Which LSL stream is meant, and what becomes of it when it is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.paths import layout_path
from rt_handdt.runtime.connect import Connection, connect
from rt_handdt.runtime.reconnect import Follow, Reconnector
from rt_handdt.runtime.source_choice import SourceChoice


@dataclass(frozen=True)
class LslSource:
    """A stream of Lab Streaming Layer, not yet looked for.

    Attributes
    ----------
    stream
        Its name, ``NAME@HOST``, source id or uid; None for the only EMG stream there is.
    kind
        Its type; None for those under which EMG is sent.
    unit
        Unit of the electrodes' columns, if the stream states none.
    columns
        Column of each of the layout's channels, counted from 0, whatever their names.
    by_position
        Take the first electrode columns in the layout's order, whatever their names.
    layout
        The stream's own names for the cells of the model's layout: a shipped name, a file, or a layout.
    follow
        What is taken after a loss: ``"same"`` source, or ``"any"`` stream that would do.
    timeout_s
        How long the stream is waited for.

    Examples
    --------
    >>> LslSource("Quattrocento", layout="quattrocento").choice().layout.n_channels
    256
    """

    stream: str | None = None
    kind: str | None = None
    unit: str | None = None
    columns: Sequence[int] | None = None
    by_position: bool = False
    layout: ElectrodeLayout | str | Path | None = None
    follow: Follow = "same"
    timeout_s: float = 10.0

    def choice(self) -> SourceChoice:
        """The same, with the layout read from its file.

        Raises
        ------
        LayoutError, ConfigError
            If that is not one.
        """
        layout = self.layout
        if layout is not None and not isinstance(layout, ElectrodeLayout):
            layout = ElectrodeLayout.from_toml(layout_path(str(layout)))
        columns = None if self.columns is None else tuple(self.columns)
        return SourceChoice(self.stream, self.kind, self.unit, self.by_position, columns, layout)

    def connect(self, spec: PipelineSpec) -> tuple[Connection, Reconnector]:
        """Find it, open it, and check it against a pipeline (see `rt_handdt.runtime.connect.connect`)."""
        choice = self.choice()
        connection = connect(spec, choice, timeout_s=self.timeout_s)
        return connection, Reconnector(spec, choice, connection, follow=self.follow)
