"""A trained method: networks, what they were trained on, and how it went."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from offline.config.method import MethodConfig, as_written
from offline.data.feature_table import FeatureTable
from offline.models.method_networks import MethodNet
from offline.train.checkpoint import load_torch, save_torch
from offline.train.epoch import Epoch
from rt_handdt.core.gestures import GestureSet
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.errors import ConfigError, HanddtError

FORMAT = "rt-handdt.method/1"


@dataclass(frozen=True)
class TrainedMethod:
    """Networks in evaluation mode on the CPU, and their record.

    Attributes
    ----------
    measure, names, inputs, layout
        Of the training table; a table to encode must share names, inputs and layout.
    gestures, people
        Of the training table.
    epochs
        The learning curves; `best` is the number of the epoch kept.
    notes
        What could not be done with these data, one sentence each.
    """

    net: MethodNet
    config: MethodConfig
    measure: str
    names: tuple[str, ...]
    inputs: tuple[int, ...]
    layout: ElectrodeLayout
    gestures: GestureSet
    people: tuple[str, ...]
    best: int
    epochs: tuple[Epoch, ...] = field(repr=False, default=())
    notes: tuple[str, ...] = ()

    def check(self, table: FeatureTable) -> None:
        """Refuse a table that these networks were not trained for.

        Raises
        ------
        ConfigError
            If names, inputs or layout differ.
        """
        check_alike((self.names, self.inputs, self.layout), table, "the networks' training table")

    def save(self, path: str | Path) -> Path:
        """Write all of it to one file, whole or not at all."""
        path = Path(path)
        about = {
            "config": self.config.model_dump(mode="json"),
            "measure": self.measure,
            "names": self.names,
            "inputs": self.inputs,
            "layout": json.loads(self.layout.canonical_json()),
            "gestures": self.gestures.labels,
            "people": self.people,
            "best": self.best,
            "epochs": [asdict(epoch) for epoch in self.epochs],
            "notes": self.notes,
        }
        save_torch(path, {"format": FORMAT, "about": json.dumps(about), "net": self.net.state_dict()})
        return path

    @classmethod
    def load(cls, path: str | Path) -> TrainedMethod:
        """Read what `save` wrote.

        Raises
        ------
        HanddtError
            If the file is missing, damaged or of another version.
        """
        content = load_torch(Path(path), FORMAT, "trained method")
        try:
            about = json.loads(content["about"])
            config = MethodConfig.parse(as_written(about["config"]), what=str(path), error=HanddtError)
            config = config.kept_in(Path(path).resolve().parent)  # own classes as they were when it was trained
            layout = ElectrodeLayout.parse(about["layout"], what=str(path), error=HanddtError)
            net = MethodNet(tuple(about["inputs"]), layout, config.network)
            net.load_state_dict(content["net"])
            return cls(
                net.eval(),
                config,
                about["measure"],
                tuple(about["names"]),
                tuple(about["inputs"]),
                layout,
                GestureSet(tuple(about["gestures"])),
                tuple(about["people"]),
                about["best"],
                tuple(Epoch(**epoch) for epoch in about["epochs"]),
                tuple(about["notes"]),
            )
        except (KeyError, TypeError, ValueError, RuntimeError) as exc:
            raise HanddtError(f"{path}: the trained method is damaged ({exc}); train again.") from None


def check_alike(
    wanted: tuple[tuple[str, ...], tuple[int, ...], ElectrodeLayout], table: FeatureTable, whose: str
) -> None:
    """Refuse a table whose maps, inputs or layout differ from the wanted ones."""
    for what, want, came in zip(
        ("maps", "inputs", "layout"), wanted, (table.names, table.inputs, table.layout), strict=True
    ):
        if want != came:
            shown = [
                f"{len(value)} named {', '.join(map(str, value[:4]))}…"
                if what == "maps" and isinstance(value, tuple)
                else (value.name if isinstance(value, ElectrodeLayout) else str(value))
                for value in (want, came)
            ]
            raise ConfigError(
                f"The table's {what} must be those of {whose} ({shown[0]}); got {shown[1]}; "
                "extract the same measure on the same layout."
            )
