"""Which muscles a gesture uses: the average pattern, and one person's own way of doing it."""

from __future__ import annotations

import numpy as np

from rt_handdt.core.gestures import HYSER_GESTURES
from rt_handdt.core.types import Float64
from rt_handdt.sim.anatomy import MUSCLE_INDEX, MUSCLES

_FDS = ("FDS_I", "FDS_M", "FDS_R", "FDS_L")
_FDP = ("FDP_I", "FDP_M", "FDP_RL")
_ED = ("ED_I", "ED_M", "ED_R", "ED_L")


def _each(names: tuple[str, ...], value: float) -> dict[str, float]:
    return dict.fromkeys(names, value)


#: Relative activation of each muscle in the movements from which all gestures are made.
PRIMITIVES: dict[str, dict[str, float]] = {
    "wrist_flexion": {"FCR": 0.9, "PL": 0.9, "FCU": 0.8, **_each(_FDS, 0.4), **_each(_FDP, 0.2)}
    | {**_each(_ED, 0.1), "ECRB": 0.1, "ECU": 0.1},
    "wrist_extension": {"ECRB": 0.9, "ECRL": 0.8, "ECU": 0.8, **_each(_ED, 0.5), "EDM": 0.4, "FCU": 0.1, "FCR": 0.1}
    | _each(_FDS, 0.1),
    "wrist_radial": {"ECRL": 0.8, "ECRB": 0.6, "FCR": 0.6, "APL": 0.6, "EPB": 0.4, "BR": 0.2},
    "wrist_ulnar": {"FCU": 0.9, "ECU": 0.9, "EDM": 0.3},
    "wrist_pronation": {"PT": 0.8, "PQ": 0.8, "BR": 0.4, "FCR": 0.4, "PL": 0.3},
    "wrist_supination": {"SUP": 0.8, "APL": 0.4, "BR": 0.3, "ECU": 0.2, "EPL": 0.1},
    "hand_close": {**_each(_FDS, 0.8), **_each(_FDP, 0.8), "FPL": 0.5, "ECRB": 0.5, "ECRL": 0.4, "ECU": 0.4}
    | {**_each(_ED, 0.3), "FCU": 0.2, "FCR": 0.2},
    "hand_open": {**_each(_ED, 0.9), "EDM": 0.7, "EIP": 0.5, "EPL": 0.7, "APL": 0.7, "EPB": 0.5}
    | {**_each(_FDS, 0.1), "ECU": 0.3, "ECRB": 0.3},
    "thumb_index_pinch": {"FDS_I": 0.5, "FDP_I": 0.4, "FPL": 0.5, "APL": 0.3, "ECRB": 0.3}
    | {"ED_M": 0.2, "ED_R": 0.2, "ED_L": 0.2},
    "thumb_middle_pinch": {"FDS_M": 0.5, "FDP_M": 0.4, "FPL": 0.5, "APL": 0.3, "ECRB": 0.3}
    | {"ED_I": 0.2, "ED_R": 0.2, "ED_L": 0.2},
    "thumb_extension": {"EPL": 0.8, "EPB": 0.6, "APL": 0.6, "ECU": 0.2},
    "index_extension": {"ED_I": 0.7, "EIP": 0.7, "ED_M": 0.15, "FDS_R": 0.1, "ECU": 0.1},
    "middle_extension": {"ED_M": 0.75, "ED_I": 0.2, "ED_R": 0.25, "FDS_R": 0.1},
    "ring_extension": {"ED_R": 0.75, "ED_M": 0.3, "ED_L": 0.3, "FDS_M": 0.1},
    "little_extension": {"EDM": 0.8, "ED_L": 0.6, "ED_R": 0.2, "ECU": 0.25},
}

#: Movements in which people differ most (several muscles can do the same work), and those that leave less choice.
_FREE = {"hand_close", "wrist_pronation", "wrist_supination", "thumb_index_pinch", "thumb_middle_pinch"}
#: Standard deviation (of the logarithm) of a person's weight for a muscle.
_SPREAD, _SPREAD_FREE = 0.45, 0.75
#: People mix movements: one clenches the fingers when flexing the wrist, another lifts the wrist when turning the palm
#: up. Mean share of each other movement in one (most shares are near 0, a few are large).
_MIX, _MIX_FREE = 0.06, 0.12
_MIX_SHAPE = 0.4
_MIXED = tuple(name for name in PRIMITIVES if name.startswith(("wrist_", "hand_")))


def parts(gesture: str) -> tuple[str, ...]:
    """The primitives that make up one of Hyser's gestures."""
    if gesture in PRIMITIVES:
        return (gesture,)
    for end in ("_hand_close", "_hand_open"):
        if gesture.endswith(end):
            return (gesture.removesuffix(end), end[1:])
    words = gesture.split("_")
    if words[-1] == "pinch":
        return tuple(f"thumb_{finger}_pinch" for finger in words[1:-1])
    return tuple(f"{finger}_extension" for finger in words[:-1])


def _weights(prior: dict[str, float]) -> Float64:
    weights = np.zeros(len(MUSCLES))
    for muscle, value in prior.items():
        weights[MUSCLE_INDEX[muscle]] = value
    return weights


def draw_strategy(rng: np.random.Generator) -> Float64:
    """One person's activation of every muscle in every gesture.

    Returns
    -------
    Shape (34, n_muscles), 0..1: rows in the order of `HYSER_GESTURES`. A combined gesture does what its parts do in
    this person, each a little less than alone.
    """
    n_muscles = len(MUSCLES)
    cocontraction = rng.uniform(0.03, 0.10)
    plain = {name: _weights(prior) for name, prior in PRIMITIVES.items()}
    own: dict[str, Float64] = {}
    for name in PRIMITIVES:
        free = name in _FREE
        shares = rng.gamma(_MIX_SHAPE, (_MIX_FREE if free else _MIX) / _MIX_SHAPE, len(_MIXED))
        # in proportion to its own effort: a turn of the palm, most of which biceps does, is no clenched fist
        shares = shares * np.linalg.norm(plain[name])
        mixed = plain[name] + sum(
            share * plain[other] / np.linalg.norm(plain[other])
            for share, other in zip(shares, _MIXED, strict=True)
            if other != name
        )
        mixed = mixed * np.exp((_SPREAD_FREE if free else _SPREAD) * rng.standard_normal(n_muscles))
        # every muscle joins in a little, some more than others, in a way of the person's own
        own[name] = mixed + cocontraction * rng.gamma(2.0, 0.5, n_muscles)
    rows = []
    for gesture in HYSER_GESTURES:
        made_of = [own[part] for part in parts(gesture)]
        share = 1.0 if len(made_of) == 1 else 0.85
        rows.append(np.sqrt(np.sum(np.square(made_of), axis=0)) * share)
    return np.asarray(np.clip(rows, 0.0, 1.0), np.float64)
