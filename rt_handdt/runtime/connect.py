"""Connecting a stream to a model: does it fit, and which of its columns is which electrode?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rt_handdt.core.preprocess import channel_order
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.errors import LayoutMismatch
from rt_handdt.io.lsl import MarkerInlet, SignalInlet, StreamDescription
from rt_handdt.io.units import microvolts_per


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
        Factor from the stream's unit to µV.
    """

    inlet: SignalInlet
    markers: MarkerInlet | None
    order: npt.NDArray[np.intp]
    to_uv: float

    def close(self) -> None:
        """Disconnect both."""
        self.inlet.close()
        if self.markers is not None:
            self.markers.close()


def connect(
    spec: PipelineSpec,
    stream: str | None,
    *,
    timeout_s: float = 5.0,
    unit: str | None = None,
    by_position: bool = False,
) -> Connection:
    """Find a stream, open it, and check it against a pipeline.

    Parameters
    ----------
    spec
        What the model was trained for.
    stream
        Name of the signal stream; None for the only EMG stream there is.
    unit
        Unit to assume where the stream states none.
    by_position
        Take the stream's first columns in the layout's order where its channels have no or other names.

    Raises
    ------
    StreamError
        If no such stream is found in time.
    LayoutMismatch
        If rate, channels or unit do not fit; the message says which, and how to map them.
    """
    inlet = SignalInlet(stream, timeout_s=timeout_s)
    try:
        order, to_uv = match(inlet.description, spec, unit=unit, by_position=by_position)
        markers = MarkerInlet.beside(inlet.description.name)
    except BaseException:
        inlet.close()
        raise
    return Connection(inlet, markers, order, to_uv)


def match(
    stream: StreamDescription, spec: PipelineSpec, *, unit: str | None = None, by_position: bool = False
) -> tuple[npt.NDArray[np.intp], float]:
    """Column order and factor to µV with which a stream feeds a pipeline (see `connect` for errors)."""
    what = f"The stream '{stream.name}'"
    layout = spec.layout
    if abs(stream.fs_hz - spec.fs_hz) > 1e-3 * spec.fs_hz:
        raise LayoutMismatch(
            f"{what} runs at {stream.fs_hz:g} Hz, but the model was trained for {spec.fs_hz:g} Hz; "
            f"set the amplifier to {spec.fs_hz:g} Hz or use a model trained for {stream.fs_hz:g} Hz."
        )
    if by_position:
        if stream.n_channels < layout.n_channels:
            raise LayoutMismatch(
                f"{what} has {stream.n_channels} channels, the layout '{layout.name}' needs {layout.n_channels}; "
                "use the model's electrode array or another model."
            )
        order = np.arange(layout.n_channels)
    elif not stream.channels:
        hint = (
            "use --by-position if its columns are in the layout's order"
            if stream.n_channels == layout.n_channels
            else f"and it has {stream.n_channels} channels where the layout has {layout.n_channels}"
        )
        raise LayoutMismatch(f"{what} does not name its channels, so they cannot be placed on '{layout.name}'; {hint}.")
    elif stream.n_channels == layout.n_channels and not set(stream.channels) & set(layout.channels):
        raise LayoutMismatch(
            f"{what} names its channels {', '.join(stream.channels[:3])}, …, the layout '{layout.name}' "
            f"{', '.join(layout.channels[:3])}, …; use --by-position if the columns are in the layout's order."
        )
    else:
        order = channel_order(stream.channels, spec, what)
    stated = unit or stream.unit
    if stated is None:
        raise LayoutMismatch(
            f"{what} does not state its unit; the model needs microvolts: say which it is with --unit."
        )
    to_uv = microvolts_per(stated)
    if to_uv is None:
        raise LayoutMismatch(
            f"{what} is measured in '{stated}'; the model needs a voltage (uV, mV or V): mend the source, or say the "
            "true unit with --unit."
        )
    return order, to_uv
