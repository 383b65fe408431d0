"""A subject's calibration on disk: made once, used at every donning."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field

from rt_handdt.config import Settings
from rt_handdt.core.bundle import Bundle
from rt_handdt.core.calibration import CalibratedClassifier
from rt_handdt.errors import BundleError, ConfigError

FACTS, CLASSIFIER = "profile.json", "calibration.npz"


class ProfileFacts(Settings):
    """What a profile says of itself.

    Attributes
    ----------
    bundle, fingerprint, layout
        The model that it was made for.
    created, subject, notes
        When, whom, and whatever else shall be remembered.
    labels
        Those that were shown.
    rest_rms_uv, active_rms_uv
        Mean RMS over the electrodes at rest, and of each gesture held comfortably.
    accuracy
        Balanced, of windows that were not fitted to.
    sha256
        Of the classifier's file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)

    schema_: Literal["rt-handdt.profile/1"] = Field("rt-handdt.profile/1", alias="schema")
    bundle: str
    fingerprint: str
    layout: str
    created: str
    subject: str = ""
    notes: str = ""
    labels: tuple[str, ...]
    rest_rms_uv: float = Field(ge=0)
    active_rms_uv: dict[str, float] = Field(default_factory=dict)
    accuracy: float | None = None
    sha256: str = ""


@dataclass(frozen=True)
class Profile:
    """A calibrated classifier, and what is known of the one it was made with.

    Attributes
    ----------
    facts, classifier
        What it holds.
    """

    facts: ProfileFacts
    classifier: CalibratedClassifier

    @property
    def active_rms_uv(self) -> float | None:
        """Mean RMS of a comfortable contraction, over the gestures; None if none was measured."""
        values = list(self.facts.active_rms_uv.values())
        return sum(values) / len(values) if values else None

    def save(self, folder: str | Path) -> None:
        """Write it as a folder; an existing one is never overwritten.

        Raises
        ------
        ConfigError
            If something is there already, or it cannot be written.
        """
        folder = Path(folder)
        if folder.exists():
            raise ConfigError(f"{folder} is there already, and is not overwritten; choose another name.")
        content = self.classifier.to_bytes()
        facts = self.facts.model_copy(update={"sha256": hashlib.sha256(content).hexdigest()})
        try:
            folder.mkdir(parents=True)
            (folder / CLASSIFIER).write_bytes(content)
            text = json.dumps(facts.model_dump(mode="json", by_alias=True), indent=2, ensure_ascii=False)
            (folder / FACTS).write_text(text + "\n", encoding="utf-8")
        except OSError as exc:
            raise ConfigError(f"{folder}: cannot be written ({exc.strerror or exc}); choose another place.") from None

    @classmethod
    def load(cls, folder: str | Path, bundle: Bundle) -> Profile:
        """Read one, and check that it belongs to a model.

        Raises
        ------
        ConfigError
            If it is none, was altered, or was made for another model.
        """
        folder = Path(folder)
        try:
            data = json.loads((folder / FACTS).read_text(encoding="utf-8"))
            content = (folder / CLASSIFIER).read_bytes()
        except FileNotFoundError:
            raise ConfigError(
                f"{folder}: is no profile; give the folder that 'rt-handdt calibrate' has made."
            ) from None
        except (OSError, ValueError) as exc:
            raise ConfigError(f"{folder}: cannot be read ({exc}); calibrate again.") from None
        if not isinstance(data, dict):
            raise ConfigError(f"{folder / FACTS}: must be a JSON object; calibrate again.")
        facts = ProfileFacts.parse(data, what=str(folder / FACTS))
        if facts.fingerprint != bundle.fingerprint:
            raise ConfigError(
                f"{folder}: was made with the model '{facts.bundle}' ({facts.fingerprint}), but this one is "
                f"'{bundle.manifest.name}' ({bundle.fingerprint}); calibrate with this model, or use that one."
            )
        if hashlib.sha256(content).hexdigest() != facts.sha256:
            raise ConfigError(f"{folder}: {CLASSIFIER} was altered since it was made; calibrate again.")
        manifest = bundle.manifest
        try:
            classifier = CalibratedClassifier.from_bytes(
                content, bundle.spec, len(bundle.gestures), manifest.latent_size
            )
        except BundleError as exc:
            raise ConfigError(f"{folder}: {exc}") from None
        return cls(facts, classifier)
