"""Which of the streams that are there is meant."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rt_handdt.errors import StreamError
from rt_handdt.io.description import TEXT, StreamDescription, shown

#: Types under which EMG is sent, in lower case.
EMG_KINDS = frozenset({"emg", "exg", "muovi_data"})


def answers_to(one: StreamDescription, stream: str | None, kind: str | None) -> bool:
    """Whether a stream is one that the user may mean.

    Parameters
    ----------
    stream
        Its name, ``NAME@HOST``, source id or uid. None: any.
    kind
        Its type, in upper or lower case. None: any if `stream` is given, else those under which EMG is sent.
    """
    if kind is not None:
        right = one.kind.casefold() == kind.casefold()
    else:
        right = stream is not None or one.kind.casefold() in EMG_KINDS
    return right and (stream is None or stream in _handles(one))


def choose(
    found: Sequence[StreamDescription],
    stream: str | None,
    kind: str | None,
    may_fit: Callable[[StreamDescription], bool],
) -> StreamDescription:
    """The one stream that is meant.

    Where several are, those that cannot be it (text, no fixed rate, or by `may_fit`) are no candidates, and of several
    of one name that of an EMG type is taken.

    Raises
    ------
    StreamError
        If there is none, or more than one; the message lists what is there.
    """
    meant = [one for one in found if answers_to(one, stream, kind)]
    if stream is not None:  # an outlet's own number says more than any name
        meant = [one for one in meant if one.uid == stream] or meant
    if not meant:
        raise StreamError(_none_found(found, stream, kind))
    able = [one for one in meant if one.is_signal]
    if not able:
        first = meant[0]
        why = "carries text" if first.number_format == TEXT else "has no fixed rate"
        raise StreamError(
            f"The stream {first.words()} {why}; a signal stream is needed. {_there(found, besides=first)}"
        )
    if len(able) > 1:
        able = [one for one in able if may_fit(one)] or able
    if len(able) > 1 and kind is None:
        able = [one for one in able if one.kind.casefold() in EMG_KINDS] or able
    if len(able) > 1:
        listed = "; ".join(f"--stream '{handle(one, found)}' for {one.words()}" for one in able)
        raise StreamError(f"{len(able)} streams could be meant, and none is taken by chance; choose one: {listed}.")
    return able[0]


def handle(one: StreamDescription, among: Sequence[StreamDescription]) -> str:
    """The simplest word that names this stream and no other: its name, source id, NAME@HOST or uid."""
    for word in (one.name, one.source_id, f"{one.name}@{one.host}"):
        if word and sum(word in _handles(other) for other in among) == 1:
            return word
    return one.uid


def what_is_there(found: Sequence[StreamDescription]) -> str:
    """A sentence that lists streams."""
    if not found:
        return "No other stream is there."
    listed = "; ".join(one.words() for one in found[:6])
    more = f"; and {len(found) - 6} more" if len(found) > 6 else ""
    return f"There is: {listed}{more}."


def _handles(one: StreamDescription) -> tuple[str, ...]:
    words = (one.name, one.source_id, one.uid, f"{one.name}@{one.host}")
    return tuple(word for word in words if word)


def _there(found: Sequence[StreamDescription], besides: StreamDescription) -> str:
    return what_is_there([one for one in found if one is not besides])


def _none_found(found: Sequence[StreamDescription], stream: str | None, kind: str | None) -> str:
    what = f"No LSL stream called '{shown(stream)}'" if stream is not None else f"No LSL stream of type {kind or 'EMG'}"
    if stream is not None and kind is not None:
        what += f" and of type {kind}"
    signals = [one for one in found if one.is_signal]
    if signals:
        return f"{what} was found in time. {what_is_there(signals)} Choose with --stream NAME or --type TYPE."
    return (
        f"{what} was found in time; start the source first, look with 'rt-handdt streams', and use --network if it "
        "runs on another computer."
    )
