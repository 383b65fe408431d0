"""How the pattern component is drawn: what its values are, and in which colours and range. No Qt here."""

from __future__ import annotations

from dataclasses import dataclass

from rt_handdt.gui import theme


@dataclass(frozen=True, slots=True)
class PatternStyle:
    """Colours, range and words of the picture.

    Attributes
    ----------
    table
        256 RGB colours, low to high.
    signed
        Whether the range lies about zero.
    high
        Upper end of the range, the same for all windows and models; None: it follows the values.
    unit
        Below the colour bar.
    remark
        In the panel's heading: what is seen.
    """

    table: tuple[tuple[int, int, int], ...]
    signed: bool
    high: float | None
    unit: str
    remark: str


def pattern_style(shared: bool) -> PatternStyle:
    """The style of shared patterns (`rt_handdt.core.pattern`), or of what a decoder reconstructs."""
    if shared:
        table = tuple(theme.pattern_map())
        return PatternStyle(table, False, 1.0, "of peak", "Shared by people · 0 at rest")
    return PatternStyle(tuple(theme.signed_map()), True, None, "SD", "Reconstructed by the decoder")
