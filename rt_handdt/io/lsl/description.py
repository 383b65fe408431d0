"""What LSL streams say of themselves."""

from __future__ import annotations

import math

import pylsl

from rt_handdt.io.description import TEXT, StreamDescription, said_speed


def describe(info: pylsl.StreamInfo, *, full: bool) -> StreamDescription:
    """Read a description; channels and units only from a `full` one, which an inlet has asked its source for."""
    count = info.channel_count()
    columns = _columns(info) if full else []
    if len(columns) != count:  # names for some columns only: nobody knows for which
        columns = []
    labels, units, kinds = zip(*columns, strict=True) if columns else ((), (), ())
    form = pylsl.lib.fmt2string[info.channel_format()]
    return StreamDescription(
        name=info.name(),
        kind=info.type(),
        host=info.hostname(),
        source_id=info.source_id(),
        uid=info.uid(),
        fs_hz=float(info.nominal_srate()) if math.isfinite(info.nominal_srate()) else 0.0,
        n_channels=count,
        number_format=TEXT if form == "string" else form,
        channels=labels if any(labels) else (),
        units=units,
        kinds=kinds,
        speed=said_speed(info.desc().child("replay").child_value("speed")) if full else 1.0,
    )


def _columns(info: pylsl.StreamInfo) -> list[tuple[str, str, str]]:
    """Label, unit and type of each described channel."""
    found: list[tuple[str, str, str]] = []
    channel = info.desc().child("channels").child("channel")
    while not channel.empty() and len(found) <= info.channel_count():
        label = channel.child_value("label") or channel.child_value("name")
        found.append((label.strip(), channel.child_value("unit").strip(), channel.child_value("type").strip()))
        channel = channel.next_sibling("channel")
    return found
