"""The profiles of the chosen model, to choose one of."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox

from rt_handdt.io.description import shown

if TYPE_CHECKING:
    from rt_handdt.core.types import Mode
    from rt_handdt.runtime.model_card import ModelCard


#: Where a row says whether its profile has velocities.
_MOVES = Qt.ItemDataRole.UserRole + 1


class ProfileBox(QComboBox):
    """A list with "none" first; what was chosen is chosen again wherever it is listed.

    Parameters
    ----------
    folder
        That profiles are kept in; None: none are offered.
    """

    def __init__(self, folder: Path | None) -> None:
        super().__init__()
        self._folder = folder
        self._listed: object = None
        #: Folder of the one that was chosen last.
        self.wanted: str | None = None
        self.setToolTip("Whose calibration: electrodes must sit as they sat when it was made")
        self.setAccessibleName("Profile")
        self.setMinimumWidth(190)
        self.activated.connect(self._chosen)

    @property
    def mode(self) -> Mode:
        """With velocities, where the chosen one has some."""
        return "regression" if self.currentData(_MOVES) else "classification"

    @property
    def profile(self) -> Path | None:
        """Folder of the chosen one; None: none is."""
        data = self.currentData()
        return None if data is None else Path(data)

    def show_profiles(self, card: ModelCard | None) -> None:
        """Those of a model, if it is another one than before."""
        key = None if card is None else (card.given, card.manifest and card.manifest.fingerprint)
        if key == self._listed and self.count():
            return
        self._listed = key
        self.clear()
        self.addItem("none", None)
        if card is not None and card.manifest is not None and self._folder is not None:
            from rt_handdt.runtime.profile_list import find_profiles

            for folder, facts in find_profiles(self._folder, card.manifest.fingerprint):
                moves = " · velocities" if facts.velocities else ""
                self.addItem(f"{shown(facts.subject or 'unnamed', 24)} · {_local(facts.created)}{moves}", str(folder))
                self.setItemData(self.count() - 1, bool(facts.velocities), _MOVES)
        self.setCurrentIndex(max(0, self.findData(self.wanted)))

    def choose(self, folder: Path, card: ModelCard | None) -> None:
        """Take up one of a model that has just been made."""
        self._listed, self.wanted = object(), str(folder)  # whatever was listed is old
        self.show_profiles(card)

    def _chosen(self) -> None:
        self.wanted = self.currentData()


def _local(created: str) -> str:
    """A moment as the clock on the wall has it; as it is written, if it is none."""
    try:
        return datetime.fromisoformat(created).astimezone().strftime("%Y-%m-%d %H:%M")
    except (ValueError, OSError, OverflowError):
        return shown(created, 16)
