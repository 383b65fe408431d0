"""A study's folder: what lies where, and what a study must be told to go on in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offline.config import TrainConfig
from offline.config.method import MethodConfig, as_written
from offline.study.run_folder import RunFolder
from offline.sweep.plan import Plan, Resolved
from offline.sweep.study_config import StudyConfig
from offline.sweep.versions import TOKEN, versions
from rt_handdt.errors import ConfigError, HanddtError

FORMAT = "rt-handdt.study/1"
#: May be extended: that only adds jobs.
_MORE = ("measures", "seeds", "folds", "sessions", "condition")
#: May differ: they decide no number.
_FREE = ("name", "figures")


@dataclass(frozen=True)
class StudyFolder:
    """Paths of one study."""

    path: Path

    @property
    def study(self) -> Path:
        """``study.json``: settings as resolved, jobs, versions."""
        return self.path / "study.json"

    @property
    def cache(self) -> Path:
        """Features, unless kept elsewhere."""
        return self.path / "cache"

    @property
    def locks(self) -> Path:
        """One file a job, locked by the process that runs it."""
        return self.path / "locks"

    def job(self, name: str) -> Path:
        """Folder of one job."""
        return self.path / "jobs" / name

    def check(self, plan: Plan) -> list[str]:
        """Refuse a folder that holds anything but this study, begun, or a part of it. Writes nothing.

        Returns
        -------
        list of str
            Packages whose versions are not those that the study was begun with.

        Raises
        ------
        ConfigError
            If the folder holds something else; names what differs.
        HanddtError
            If ``study.json`` is damaged.
        """
        if not self.study.exists():
            if self.path.exists() and (not self.path.is_dir() or any(map(self._foreign, self.path.iterdir()))):
                raise ConfigError(f"{self.path}: holds something already, but no study; choose a new or empty folder.")
            return []
        content = self._read()
        config, resolved = self._parsed(content)
        differ = _differences(config, resolved, plan)
        if list(plan.recorded) != content["recorded"]:
            differ.append("the people and sessions in the data")
        if differ:
            raise ConfigError(
                f"{self.path}: holds a study with other settings (they differ in {', '.join(differ)}); give the same "
                "to go on with it (measures, seeds, folds, sessions and conditions may be added), or choose another "
                "folder."
            )
        now = versions()
        return [
            f"{name} {there} → {now.get(name, 'none')}"
            for name, there in content["versions"].items()
            if there != now.get(name)
        ]

    def _foreign(self, path: Path) -> bool:
        return path != self.cache and not path.name.startswith((TOKEN, f"{self.study.name}.part"))

    def note(self, plan: Plan, notes: Sequence[str]) -> None:
        """Write the study down: from here on the folder is this study's. Notes of earlier runs are kept.

        Raises
        ------
        HanddtError
            If that cannot be written.
        """
        before = self._read().get("notes", []) if self.study.exists() else []
        content = {
            "format": FORMAT,
            "name": plan.config.name,
            "settings": plan.config.model_dump(mode="json"),
            "resolved": {
                name: one.model_dump(mode="json") if one is not None else None for name, one in plan.resolved.items()
            },
            "recorded": list(plan.recorded),
            "jobs": [job.id for job in plan.jobs],
            "versions": versions(),
            "notes": list(dict.fromkeys([*before, *plan.notes, *notes])),
        }
        RunFolder.write(self.study, content)

    def _read(self) -> dict[str, Any]:
        content = RunFolder.read_json(self.study)
        wanted = {"settings": dict, "resolved": dict, "recorded": list, "versions": dict}
        if content.get("format") != FORMAT or not all(isinstance(content.get(k), v) for k, v in wanted.items()):
            raise HanddtError(f"{self.study}: was not written by this version of 'study'; choose another folder.")
        return content

    def _parsed(self, content: dict[str, Any]) -> tuple[StudyConfig, Resolved]:
        what = str(self.study)
        config = StudyConfig.parse(content["settings"], what=what, error=HanddtError)
        resolved: dict[str, MethodConfig | TrainConfig | None] = {}
        for one in config.condition:
            values = content["resolved"].get(one.name)
            resolved[one.name] = None
            if one.kind == "method":
                resolved[one.name] = MethodConfig.parse(as_written(values), what=what, error=HanddtError)
            elif one.kind == "recipe":
                resolved[one.name] = TrainConfig.parse(values, what=what, error=HanddtError)
        return config, resolved


def _differences(config: StudyConfig, resolved: Resolved, plan: Plan) -> list[str]:
    """What of the study begun is not in the new one."""
    new = plan.config
    old_values, new_values = (
        {name: value for name, value in one.model_dump(mode="json").items() if name not in (*_MORE, *_FREE)}
        for one in (config, new)
    )
    differ = [name for name in new_values if old_values[name] != new_values[name]]
    conditions = {one.name: one for one in new.condition}
    for old in config.condition:
        own = conditions.get(old.name)
        if own is None:
            differ.append(f"condition {old.name}, which is missing")
            continue
        if (own.kind, own.classifiers, plan.resolved[old.name]) != (old.kind, old.classifiers, resolved[old.name]):
            differ.append(f"condition {old.name}")
        for what, had, has in (
            ("measures", config.measures_of(old), new.measures_of(own)),
            ("seeds", config.seeds_of(old), new.seeds_of(own)),
        ):
            lost = [str(one) for one in had if one not in has]
            if lost:
                differ.append(f"{what} of condition {old.name}, which lack {', '.join(lost)}")
    if new.folds and (not config.folds or set(config.folds) - set(new.folds)):
        differ.append("folds, which must not become fewer")
    if set(config.sessions or ((),)) - set(new.sessions or ((),)):
        differ.append("sessions, which must not become fewer")
    return differ
