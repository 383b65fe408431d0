"""What streams say of themselves, and which there are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pylsl

from rt_handdt.io.lsl.setup import COUNTER, ensure_configured


@dataclass(frozen=True, slots=True)
class StreamDescription:
    """What a stream says of itself. `unit` is None where channels give none, `channels` empty where unnamed."""

    name: str
    kind: str
    host: str
    source_id: str
    fs_hz: float
    n_channels: int
    channels: tuple[str, ...]
    unit: str | None


def find_streams(timeout_s: float = 1.5) -> list[StreamDescription]:
    """The streams that answer within the time, without connecting to them (so without channel names)."""
    ensure_configured()
    infos = pylsl.resolve_streams(wait_time=timeout_s)
    found = [describe(info, full=False) for info in infos]
    return sorted(found, key=lambda stream: (stream.kind != "EMG", stream.name))


def describe(info: pylsl.StreamInfo, *, full: bool) -> StreamDescription:
    """Read a description; channels and units only from a `full` one, which an inlet has asked its source for."""
    labels: list[str] = []
    units: list[str] = []
    if full:
        channel = info.desc().child("channels").child("channel")
        for _ in range(info.channel_count()):
            if channel.empty():
                break
            labels.append(channel.child_value("label"))
            if channel.child_value("type").lower() != "counter" and labels[-1].upper() != COUNTER:
                units.append(channel.child_value("unit"))
            channel = channel.next_sibling("channel")
    distinct = sorted(set(filter(None, units)))
    return StreamDescription(
        name=info.name(),
        kind=info.type(),
        host=info.hostname(),
        source_id=info.source_id(),
        fs_hz=float(info.nominal_srate()) if math.isfinite(info.nominal_srate()) else 0.0,
        n_channels=info.channel_count(),
        channels=tuple(labels) if len(labels) == info.channel_count() and all(labels) else (),
        unit=", ".join(distinct) if distinct else None,
    )
