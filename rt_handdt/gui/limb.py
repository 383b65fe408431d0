"""A layout wrapped round a limb, as it is seen from one side or from two. No Qt here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float64
from rt_handdt.gui.tiles import ROUND_MM

#: Round a grown person's forearm, mm; a layout that is longer, or closed, is as long as the limb is round.
ROUND_LIMB_MM = 250.0
#: Of the radius at the proximal end, the one at the wrist's.
TAPER = 0.80
#: How far a ring round the limb sags in its middle, in radii: it is seen a little from the wrist.
SAG = 0.16
#: Skin beyond the electrodes, in radii, at either end.
BEYOND = 0.22


@dataclass(frozen=True)
class Side:
    """The limb from one side: as wide as 2 (in radii), as tall as `Limb.tall`.

    Attributes
    ----------
    turn
        Round the limb, in turns from the layout's middle, of what lies in the picture's middle.
    left, right
        What lies at its edges: "radial", "ulnar", or nothing.
    """

    turn: float
    left: str = ""
    right: str = ""


class Limb:
    """Where the electrodes of a layout are on a limb.

    A layout that reaches half round is seen from both sides, with its middle (the ulnar edge) where these meet: so a
    virtual person wears it (`rt_handdt.sim.volume`).

    Parameters
    ----------
    layout
        The electrodes.
    """

    def __init__(self, layout: ElectrodeLayout) -> None:
        axis = 1 if layout.around == "columns" else 0
        self._layout, self._axis = layout, axis
        self._around, self._along = layout.shape[axis], layout.shape[1 - axis]
        length_mm = self._around * layout.pitch_mm[axis]
        round_mm = length_mm if layout.closed else max(ROUND_LIMB_MM, length_mm)
        self._turns = length_mm / round_mm  # that the layout takes
        radius_mm = round_mm / (2 * np.pi)
        self._long = self._along * layout.pitch_mm[1 - axis] / radius_mm
        self.tall = self._long + 2 * BEYOND + SAG
        both = layout.closed or length_mm >= ROUND_MM
        self.sides = (Side(-0.25, "radial", "ulnar"), Side(0.25, "ulnar", "radial")) if both else (Side(0.0),)

    def half_width(self, y: Float64) -> Float64:
        """Radius at a height (0: the wrist's end), in radii of the other end."""
        return np.asarray(TAPER + (1 - TAPER) * np.clip(y / self.tall, 0.0, 1.0))

    def cells_at(self, side: Side, x: Float64, y: Float64) -> tuple[Float64, Float64, npt.NDArray[np.bool_]]:
        """What lies at places of the picture.

        Parameters
        ----------
        x, y
            In radii, from the limb's middle and from its upper end.

        Returns
        -------
        row, column, covered
            Fractions of cells, 0 at the edge of the first one; and whether electrodes are there.
        """
        across = x / self.half_width(y)
        on = np.abs(across) < 1.0
        across = np.clip(across, -1.0, 1.0)
        turn = side.turn + np.arcsin(across) / (2 * np.pi)
        around = (turn / self._turns + 0.5) * self._around
        along = (y - BEYOND - SAG * np.sqrt(1 - across**2)) / self._long * self._along
        on &= (around >= 0) & (around < self._around) & (along >= 0) & (along < self._along)
        row, column = (along, around) if self._axis == 1 else (around, along)
        return row, column, on

    def place(self, side: Side, row: float, column: float) -> tuple[float, float] | None:
        """The other way: where a place of the grid is; None where it lies on the other side."""
        around, along = (column, row) if self._axis == 1 else (row, column)
        turn = (around / self._around - 0.5) * self._turns - side.turn
        if abs(turn) > 0.25:
            return None
        across = float(np.sin(2 * np.pi * turn))
        y = along / self._along * self._long + BEYOND + SAG * float(np.sqrt(1 - across**2))
        return across * float(self.half_width(np.asarray(y))), y
