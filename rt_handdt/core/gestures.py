"""The gestures, as one ordered vocabulary."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rt_handdt.errors import ConfigError

REST = "rest"

_WRIST = ("flexion", "extension", "radial", "ulnar", "pronation", "supination")

#: Label of each Hyser gesture; position + 1 is its number in the label files (Jiang et al. 2021).
HYSER_GESTURES: tuple[str, ...] = (
    "thumb_extension",
    "index_extension",
    "middle_extension",
    "ring_extension",
    "little_extension",
    *(f"wrist_{move}" for move in _WRIST),
    "thumb_index_extension",
    "index_middle_extension",
    *(f"wrist_{move}_hand_close" for move in _WRIST),
    *(f"wrist_{move}_hand_open" for move in _WRIST),
    "thumb_index_middle_extension",
    "index_middle_ring_extension",
    "middle_ring_little_extension",
    "index_middle_ring_little_extension",
    "hand_close",
    "hand_open",
    "thumb_index_pinch",
    "thumb_index_middle_pinch",
    "thumb_middle_pinch",
)

#: The ten gestures of Yuan et al. 2024, as Hyser numbers.
STUDY_TEN: tuple[int, ...] = (6, 7, 8, 9, 10, 11, 30, 31, 32, 34)


def hyser_label(code: int) -> str:
    """Label of Hyser gesture number `code` (1..34).

    Raises
    ------
    ConfigError
        If the number is not one of Hyser's.
    """
    if not 1 <= code <= len(HYSER_GESTURES):
        raise ConfigError(f"Gesture number {code}: Hyser's gestures are numbered 1 to {len(HYSER_GESTURES)}.")
    return HYSER_GESTURES[code - 1]


def hyser_code(label: str) -> int:
    """Hyser's number of a label.

    Raises
    ------
    ConfigError
        If the label is not one of Hyser's 34.
    """
    try:
        return HYSER_GESTURES.index(label) + 1
    except ValueError:
        raise ConfigError(f"'{label}' is not one of Hyser's 34 gestures ({', '.join(HYSER_GESTURES)}).") from None


def title(label: str) -> str:
    """A label as people read it: ``wrist_flexion`` → ``Wrist flexion``."""
    return label.replace("_", " ").strip().capitalize()


@dataclass(frozen=True, slots=True)
class GestureSet:
    """The ordered labels that a classifier tells apart. The order is that of its outputs."""

    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.labels) < 2:
            raise ConfigError(f"A classifier needs at least 2 labels; got {list(self.labels)}.")
        if len(set(self.labels)) != len(self.labels):
            raise ConfigError(f"Each label may occur once; got {list(self.labels)}.")
        if any(not label for label in self.labels):
            raise ConfigError("A label may not be empty.")

    @classmethod
    def ordered(cls, labels: Iterable[str]) -> GestureSet:
        """The labels of some data in their standard order: rest, then Hyser's by number, then others by name."""

        def key(label: str) -> tuple[int, int, str]:
            if label == REST:
                return (0, 0, "")
            if label in HYSER_GESTURES:
                return (1, HYSER_GESTURES.index(label), "")
            return (2, 0, label)

        return cls(tuple(sorted(set(labels), key=key)))

    def __len__(self) -> int:
        return len(self.labels)

    def index(self, label: str) -> int:
        """Position of a label.

        Raises
        ------
        ConfigError
            If it is not in the set.
        """
        try:
            return self.labels.index(label)
        except ValueError:
            raise ConfigError(f"'{label}' is not one of this model's gestures ({', '.join(self.labels)}).") from None

    @property
    def rest_index(self) -> int | None:
        """Position of ``"rest"``, or None if the model has no rest class."""
        return self.labels.index(REST) if REST in self.labels else None


def study_ten() -> GestureSet:
    """Rest and the ten gestures of Yuan et al. 2024."""
    return GestureSet((REST, *(hyser_label(code) for code in STUDY_TEN)))
