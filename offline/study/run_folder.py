"""A run's folder: what lies where, and what a run must be told to go on in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offline.config.method import as_written
from offline.data.splits import PARTS, Part
from offline.study.run_config import PipelineConfig
from offline.train.latents import Latents
from offline.util import written
from rt_handdt.errors import ConfigError, HanddtError

FORMAT = "rt-handdt.study-run/1"
#: May differ between a run and the one that goes on with it: they decide nothing that is kept.
_FREE = ("classifiers", "baselines", "latents", "bundle")
#: What a study (`offline.sweep.jobs`) writes into the folder of each of its runs, before the run begins.
JOB, FAILED = "job.json", "failed.json"


@dataclass(frozen=True)
class RunFolder:
    """Paths of one run."""

    path: Path

    @property
    def settings(self) -> Path:
        """``run.json``: settings as resolved."""
        return self.path / "run.json"

    @property
    def cache(self) -> Path:
        """Features, unless kept elsewhere."""
        return self.path / "cache"

    @property
    def training(self) -> Path:
        """Checkpoint, log and networks."""
        return self.path / "training"

    @property
    def metrics(self) -> Path:
        """``metrics.json``."""
        return self.path / "metrics.json"

    @property
    def report(self) -> Path:
        """``report.md``."""
        return self.path / "report.md"

    @property
    def classifiers(self) -> Path:
        """Fitted classifiers, a graph each."""
        return self.path / "classifiers"

    @property
    def bundle(self) -> Path:
        """The model for live use."""
        return self.path / "bundle"

    @property
    def figures(self) -> Path:
        """PNG files."""
        return self.path / "figures"

    def latents(self, part: Part) -> Path:
        """``latents/train.npz`` and so on."""
        return self.path / "latents" / f"{part}.npz"

    def load_latents(self) -> dict[Part, Latents]:
        """All parts that were saved.

        Raises
        ------
        HanddtError
            If training or test latents are missing or damaged.
        """
        return {
            part: Latents.load(self.latents(part)) for part in PARTS if part != "valid" or self.latents(part).exists()
        }

    def check(self, config: PipelineConfig) -> None:
        """Refuse a folder that holds anything but the same run, begun (or only features, of a run that never began).

        Raises
        ------
        ConfigError
            If the folder holds another run.
        HanddtError
            If its settings are damaged.
        """
        there = self.read() if self.settings.exists() else None
        if there is not None:
            found, wanted = (_plain(one) for one in (there, config))
            differ = [name for name in wanted if found[name] != wanted[name]]
            if differ:
                raise ConfigError(
                    f"{self.path}: holds a run with other settings (they differ in {', '.join(differ)}); give the "
                    "same to go on with it, or choose another folder."
                )
        elif self.path.exists() and (not self.path.is_dir() or any(map(self._foreign, self.path.iterdir()))):
            raise ConfigError(f"{self.path}: holds something already, but no run; choose a new or an empty folder.")

    def _foreign(self, path: Path) -> bool:
        return path != self.cache and path.name.removesuffix(".part") not in (JOB, FAILED)

    def note(self, config: PipelineConfig) -> None:
        """Write the settings down: from here on the folder is this run's.

        Raises
        ------
        HanddtError
            If they cannot be written.
        """
        self.write(self.settings, {"format": FORMAT, "settings": config.model_dump(mode="json")})

    def read(self) -> PipelineConfig:
        """The settings of the run here.

        Raises
        ------
        HanddtError
            If there is none, or its settings are damaged.
        """
        content = self.read_json(self.settings)
        if content.get("format") != FORMAT or not isinstance(content.get("settings"), dict):
            raise HanddtError(f"{self.settings}: was not written by this version of 'pipeline'; run it again.")
        settings = {**content["settings"], "method": as_written(content["settings"].get("method", {}))}
        return PipelineConfig.parse(settings, what=str(self.settings), error=HanddtError)

    @staticmethod
    def read_json(path: Path) -> dict[str, Any]:
        """One of the folder's JSON files.

        Raises
        ------
        HanddtError
            If it is missing or damaged.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise HanddtError(
                f"{path}: is not there; give the folder of a finished 'handdt-offline pipeline'."
            ) from None
        except (OSError, ValueError) as exc:
            raise HanddtError(f"{path}: cannot be read ({exc}); run 'handdt-offline pipeline' again.") from None
        if not isinstance(content, dict):
            raise HanddtError(f"{path}: holds no table of values; run 'handdt-offline pipeline' again.")
        return content

    @staticmethod
    def write(path: Path, content: dict[str, Any] | str) -> None:
        """Write text, or values as JSON, whole or not at all.

        Raises
        ------
        HanddtError
            If it cannot be written.
        """
        text = content if isinstance(content, str) else json.dumps(content, indent=1, allow_nan=False) + "\n"
        with written(path) as part:
            part.write_text(text, encoding="utf-8")


def _plain(config: PipelineConfig) -> dict[str, Any]:
    values = config.model_dump(mode="json")
    return {name: value for name, value in values.items() if name not in _FREE}
