"""The layouts that come with the package."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.paths import shipped


@cache
def shipped_layouts() -> dict[str, ElectrodeLayout]:
    """All of them, by the names under which ``--layout`` takes them, in order."""
    files = sorted(shipped("configs", "layouts").glob("*.toml"))
    return {file.stem: ElectrodeLayout.from_toml(file) for file in files}


def shipped_layout_of(channels: Collection[str]) -> ElectrodeLayout | None:
    """The first whose electrodes are all among these channels.

    Examples
    --------
    >>> from rt_handdt.io.hyser_layout import hyser_channels
    >>> shipped_layout_of(hyser_channels()).name
    'hyser_16x16'
    """
    names = set(channels)
    return next((one for one in shipped_layouts().values() if names.issuperset(one.channels)), None)
