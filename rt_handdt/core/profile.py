"""A subject's calibration on disk, for electrodes that sit as they sat when it was made."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from pydantic import ConfigDict, Field

from rt_handdt.config import Settings
from rt_handdt.core.bundle import Bundle
from rt_handdt.core.calibration import CalibratedClassifier
from rt_handdt.core.regression import VelocityRegression
from rt_handdt.errors import BundleError, ConfigError

FACTS, CLASSIFIER, REGRESSION = "profile.json", "calibration.npz", "regression.npz"


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
    velocities
        Degrees of freedom whose velocities are regressed; none without `REGRESSION`.
    sha256
        Of the other files and of all the rest that stands here.
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
    velocities: tuple[str, ...] = ()
    sha256: str = ""

    def sealed(self, content: bytes) -> ProfileFacts:
        """The same, with the hash that goes with the content of the other files, one after the other."""
        bare = self.model_copy(update={"sha256": ""}).canonical_json()
        if not self.velocities:  # a profile made before there were any is as whole as it was
            bare = bare.replace(',"velocities":[]', "")
        return self.model_copy(update={"sha256": hashlib.sha256(bare.encode() + content).hexdigest()})


def check_new(folder: str | Path) -> None:
    """Before anything is calibrated: can a profile be made there?

    Raises
    ------
    ConfigError
        If something is there already, or the folder above it cannot be written to.
    """
    folder = Path(folder)
    if os.path.lexists(folder):
        raise ConfigError(f"{folder} is there already, and is not overwritten; choose another name.")
    above = next(one for one in folder.absolute().parents if one.exists())
    try:
        with TemporaryDirectory(dir=above, prefix=".profile-"):
            pass
    except OSError as exc:
        raise ConfigError(f"{folder}: cannot be written ({exc.strerror or exc}); choose another place.") from None


@dataclass(frozen=True)
class Profile:
    """A calibrated classifier, and what is known of the one it was made with.

    Attributes
    ----------
    facts, classifier
        What it holds.
    regression
        Of velocities; None without.
    """

    facts: ProfileFacts
    classifier: CalibratedClassifier
    regression: VelocityRegression | None = None

    def save(self, folder: str | Path) -> None:
        """Write it as a folder; an existing one is never overwritten.

        Raises
        ------
        ConfigError
            If something is there already, or it cannot be written.
        """
        folder = Path(folder)
        check_new(folder)
        files = {CLASSIFIER: self.classifier.to_bytes()}
        facts = self.facts
        if self.regression is not None:
            files[REGRESSION] = self.regression.to_bytes()
            facts = facts.model_copy(update={"velocities": self.regression.dofs.names})
        facts = facts.sealed(b"".join(files.values()))
        text = json.dumps(facts.model_dump(mode="json", by_alias=True), indent=2, ensure_ascii=False)
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=folder.parent, prefix=".profile-") as made:  # whole, or not at all
                whole = Path(made) / "profile"
                whole.mkdir()
                for name, content in files.items():
                    (whole / name).write_bytes(content)
                (whole / FACTS).write_text(text + "\n", encoding="utf-8")
                whole.rename(folder)
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
            more = (folder / REGRESSION).read_bytes() if isinstance(data, dict) and data.get("velocities") else b""
        except FileNotFoundError:
            raise ConfigError(
                f"{folder}: is no profile; give the folder that 'rt-handdt calibrate' has made."
            ) from None
        except (OSError, ValueError, RecursionError) as exc:
            raise ConfigError(f"{folder}: cannot be read ({exc}); calibrate again.") from None
        if not isinstance(data, dict):
            raise ConfigError(f"{folder / FACTS}: must be a JSON object; calibrate again.")
        facts = ProfileFacts.parse(data, what=str(folder / FACTS))
        if facts.fingerprint != bundle.fingerprint:
            raise ConfigError(
                f"{folder}: was made with the model '{facts.bundle}' ({facts.fingerprint}), but this one is "
                f"'{bundle.manifest.name}' ({bundle.fingerprint}); calibrate with this model, or use that one."
            )
        if facts.sealed(content + more).sha256 != facts.sha256:
            raise ConfigError(f"{folder}: was altered since it was made; calibrate again.")
        manifest = bundle.manifest
        try:
            classifier = CalibratedClassifier.from_bytes(
                content, bundle.spec, len(bundle.gestures), manifest.latent_size
            )
            spec = bundle.spec
            n_features = spec.n_maps * spec.layout.n_channels
            regression = VelocityRegression.from_bytes(more, n_features, spec.layout.shape) if more else None
        except BundleError as exc:
            raise ConfigError(f"{folder}: {exc}") from None
        return cls(facts, classifier, regression)
