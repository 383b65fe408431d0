"""Which stream of an XDF file is the EMG."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from rt_handdt.core.units import microvolts_per
from rt_handdt.errors import RecordingError
from rt_handdt.io.choosing import EMG_KINDS, answers_to
from rt_handdt.io.description import shown
from rt_handdt.io.xdf_streams import XdfStream, quoted

#: Types of streams of numbers that are no EMG, whatever they are called.
_OTHER_KINDS = re.compile(
    r".*(acc|gyro|imu|motion|mocap|position|orientation|gaze|pupil|eye|force|torque|glove|audio|video|quality|battery"
    r"|marker|event|stim|trig|ecg|ekg|eog|nirs|ppg|gsr|eda|resp).*"
)


def choose_emg(path: Path, streams: Sequence[XdfStream], wanted: str | None) -> tuple[XdfStream, tuple[str, ...]]:
    """The stream that is meant; of two of which one is empty, the other.

    Of several of the name that is wished for, the one of an EMG type. Without a wish: the one of a type under which EMG
    is sent; where there is none, the only one of several channels, at a fixed rate, that may be measured in volts.

    Parameters
    ----------
    path
        The file, for messages.
    streams
        All of them.
    wanted
        Name, source id, ``NAME@HOST``, uid, or the number in the file.

    Returns
    -------
    stream, notes
        The stream, and what was passed over for it.

    Raises
    ------
    RecordingError
        If there is none, or more than one; the message lists what is there.
    """
    numeric = [stream for stream in streams if not stream.is_text]
    notes: list[str] = []
    if wanted is not None:
        meant = [stream for stream in numeric if answers_to(stream.described, wanted, None)]
        meant = meant or [stream for stream in numeric if str(stream.number) == wanted]
        missing = f"no stream of numbers '{wanted}'"
    else:
        meant = [stream for stream in numeric if stream.described.kind.casefold() in EMG_KINDS]
        if not any(map(len, meant)):
            others = [stream for stream in numeric if _may_be_emg(stream)]
            if any(map(len, others)) or not meant:
                meant = others
        missing = "no EMG stream (type 'EMG', or several numeric channels)"
    full = [stream for stream in meant if len(stream)]
    if full and len(full) < len(meant):
        empty = [stream for stream in meant if not len(stream)]
        notes.append(f"Streams without a sample were passed over: {quoted(empty)}.")
    meant = full or meant
    if wanted is not None and len(meant) > 1:  # of an amplifier and its accelerometer of one name, the amplifier
        emg = [stream for stream in meant if stream.described.kind.casefold() in EMG_KINDS]
        meant = emg or [stream for stream in meant if _may_be_emg(stream)] or meant
    if len(meant) > 1:  # a fixed rate is what tells a signal from events
        meant = [stream for stream in meant if stream.described.is_signal] or meant
    if not meant:
        raise RecordingError(
            f"{path}: holds {missing}; found {quoted(streams) or 'nothing'}. Record the amplifier's stream too, or "
            "name another with --stream."
        )
    if len(meant) > 1:
        listed = "; ".join(f"--stream '{_handle(one, numeric)}' for {_words(one)}" for one in meant)
        raise RecordingError(f"{path}: several streams could be the EMG; choose one: {listed}.")
    (chosen,) = meant
    kind = chosen.described.kind
    if wanted is None and kind.casefold() not in EMG_KINDS:
        notes.append(
            f"The stream '{shown(chosen.name)}' ({shown(kind) or 'no type'}) is taken for the EMG, as no other can be."
        )
    return chosen, tuple(notes)


def _may_be_emg(stream: XdfStream) -> bool:
    said = stream.described
    units = [unit for unit in said.units if unit]
    return (
        said.is_signal
        and said.n_channels > 1
        and _OTHER_KINDS.fullmatch(said.kind.casefold()) is None
        and (not units or any(microvolts_per(unit) is not None for unit in units))
    )


def _handle(one: XdfStream, among: Sequence[XdfStream]) -> str:
    """The simplest word that names this stream and no other."""
    said = one.described
    for word in (said.name, said.source_id, f"{said.name}@{said.host}" if said.host else "", said.uid):
        if word and sum(answers_to(other.described, word, None) for other in among) == 1:
            return word
    return str(one.number)


def _words(one: XdfStream) -> str:
    said = one.described
    parts = [
        shown(said.kind) or "no type",
        f"{said.n_channels} channels",
        f"{said.fs_hz:g} Hz" if said.fs_hz else "no fixed rate",
        f"{len(one)} samples",
        f"on {shown(said.host)}" if said.host else "",
        f"source id '{shown(said.source_id)}'" if said.source_id else "",
    ]
    return f"'{shown(said.name)}' ({', '.join(part for part in parts if part)})"
