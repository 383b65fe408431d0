"""A trained model as a folder that describes and proves itself.

========================  ===========================================================================================
``recognizer.onnx``       features (N, F, H, W) → probabilities (N, K), latent (N, D); manifest in its metadata
``explainer.onnx``        latent (N, D) → pattern-component map (N, 1, H, W), 0 to 1, and the patterns (K, H, W) that it
                          is blended of (`rt_handdt.core.pattern`, settings in its metadata); or, without these
                          metadata, a decoder's reconstruction (N, F, H, W), in standardised units
``golden.npz``            signal → frames → probabilities and latents: replayed by a test
``CARD.md``               what people should know before they use it
``population.npz``        how windows of training people scatter (`rt_handdt.core.population`), for calibrations
``person.npz``            how people differ (`rt_handdt.core.adaptation`), where the model learns its user live
``calibration.npz``       a calibration with its user's repetitions, where it was trained with one
``manifest.json``         `BundleManifest`, with the SHA-256 of each of the files above
========================  ===========================================================================================

Nothing is pickled, and nothing altered is loaded.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, Field, model_validator

from rt_handdt.config import Settings
from rt_handdt.core.calibration import CalibratedClassifier, CalibrationSettings
from rt_handdt.core.decoder_settings import DecoderSettings
from rt_handdt.core.gestures import GestureSet
from rt_handdt.core.person import AdapterSettings, PersonModel
from rt_handdt.core.population import Population
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.errors import BundleError
from rt_handdt.paths import bundle_path

SCHEMA = "rt-handdt.bundle/3"
MANIFEST = "manifest.json"
POPULATION = "population.npz"
FILES = ("recognizer.onnx", "explainer.onnx", "golden.npz", "CARD.md", POPULATION)
#: There if, and only if, the manifest says how a person is learnt.
PERSON = "person.npz"
#: There if, and only if, the manifest says who it is calibrated for.
CALIBRATION = "calibration.npz"
#: Key under which recognizer.onnx carries `BundleManifest.identity_json`.
METADATA_KEY = "rt_handdt.manifest"


class TrainingRecord(Settings):
    """Where a model comes from: data, protocol, number of people, seed, and the resolved configuration."""

    data: str
    protocol: str
    people: int = Field(ge=1)
    seed: int
    config: dict[str, Any] = Field(default_factory=dict)


class BundleManifest(Settings):
    """Everything a bundle says of itself. Every field must be there; there are no defaults to fall back on silently."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True, populate_by_name=True
    )

    schema_: Literal["rt-handdt.bundle/3"] = Field(alias="schema")
    name: str = Field(min_length=1)
    created: str
    spec: PipelineSpec
    gestures: tuple[str, ...]
    latent_size: int = Field(ge=1)
    decoder: DecoderSettings
    adaptation: AdapterSettings | None
    calibration: CalibrationSettings
    calibrated_with: str | None
    training: TrainingRecord
    scores: dict[str, float]
    versions: dict[str, str]
    files: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.gestures)) != len(self.gestures) or len(self.gestures) < 2:
            raise ValueError(f"'gestures' must be at least 2 different labels; got {list(self.gestures)}")
        return self

    def identity_json(self) -> str:
        """Canonical JSON of all but `files` (which cannot be inside a file that they hash)."""
        data = self.model_dump(mode="json", by_alias=True, exclude={"files"})
        return json.dumps(data, sort_keys=True, separators=(",", ":"))

    @property
    def file_names(self) -> tuple[str, ...]:
        """Files that the bundle is made of, besides the manifest."""
        names = list(FILES)
        if self.adaptation is not None:
            names.append(PERSON)
        if self.calibrated_with is not None:
            names.append(CALIBRATION)
        return tuple(names)

    @property
    def fingerprint(self) -> str:
        """SHA-256 (first 16 hex digits) over manifest and files' hashes: changes with any byte of the bundle."""
        data = self.model_dump(mode="json", by_alias=True)
        return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Bundle:
    """A verified bundle on disk."""

    path: Path
    manifest: BundleManifest

    @property
    def spec(self) -> PipelineSpec:
        """The pipeline that its features come from."""
        return self.manifest.spec

    @property
    def gestures(self) -> GestureSet:
        """Its labels, in the order of the probabilities."""
        return GestureSet(self.manifest.gestures)

    @property
    def fingerprint(self) -> str:
        """See `BundleManifest.fingerprint`."""
        return self.manifest.fingerprint

    def file(self, name: str) -> bytes:
        """Content of one of its files, checked against the manifest's hash as it is read.

        Raises
        ------
        BundleError
            If the file is missing or altered.
        """
        return _verified(self.path, name, self.manifest.files[name])

    def golden(self) -> dict[str, npt.NDArray[Any]]:
        """Golden vectors: signal (n, C), frames (N, F, H, W), indices (N,), probabilities (N, K), latents (N, D)."""
        with np.load(BytesIO(self.file("golden.npz")), allow_pickle=False) as data:
            return {key: data[key] for key in data.files}

    def person(self) -> PersonModel | None:
        """How people differ; None if the model learns nothing live.

        Raises
        ------
        BundleError
            If it does not fit the bundle's spec and gestures.
        """
        if self.manifest.adaptation is None:
            return None
        model = PersonModel.from_bytes(self.file(PERSON))
        wanted = (self.spec.frame_shape, self.spec.layout.occupied)
        if model.mean.shape != wanted[0] or not np.array_equal(model.occupied, wanted[1]):
            raise BundleError(
                f"{self.path}: person.npz is made for maps {model.mean.shape} on another grid, the bundle's are "
                f"{wanted[0]}; export it again."
            )
        if len(model.gestures) and not 0 <= model.gestures.min() <= model.gestures.max() < len(self.gestures):
            raise BundleError(f"{self.path}: person.npz names gestures that the bundle does not have; export it again.")
        return model

    def population(self) -> Population:
        """How windows of the training people scatter.

        Raises
        ------
        BundleError
            If it does not fit the bundle's spec and network.
        """
        return Population.from_bytes(self.file(POPULATION), self.spec, self.manifest.latent_size)

    def calibrated(self) -> CalibratedClassifier | None:
        """The calibration that it was trained with; None if there was none.

        Raises
        ------
        BundleError
            If it does not fit the bundle's spec, gestures and network.
        """
        if self.manifest.calibrated_with is None:
            return None
        return CalibratedClassifier.from_bytes(
            self.file(CALIBRATION), self.spec, len(self.gestures), self.manifest.latent_size
        )


def read_manifest(path: str | Path) -> BundleManifest:
    """What a bundle says of itself; its other files are not looked at (see `load_bundle`).

    Raises
    ------
    BundleError
        If it is missing, of another schema, or lacks or has unknown keys.
    """
    path = bundle_path(path)
    if not path.is_dir():
        raise BundleError(f"{path}: there is no bundle folder here; give the folder that holds {MANIFEST}.")
    try:
        data = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BundleError(
            f"{path}: not a bundle, it holds no {MANIFEST}; give the folder that training wrote."
        ) from None
    except (OSError, ValueError) as exc:
        raise BundleError(
            f"{path / MANIFEST}: cannot be read as JSON ({exc}); restore or export the bundle again."
        ) from None
    found = data.get("schema") if isinstance(data, dict) else None
    if found != SCHEMA:
        raise BundleError(
            f"{path}: its schema is {found!r}, this program reads '{SCHEMA}'; "
            + ("update rt-handdt." if _newer(found) else "export the bundle again with this version.")
        )
    return BundleManifest.parse(data, what=str(path / MANIFEST), error=BundleError)


def load_bundle(path: str | Path) -> Bundle:
    """Open a bundle and verify all of it.

    Parameters
    ----------
    path
        Its folder, or the name of a shipped one, such as ``"default"``.

    Raises
    ------
    BundleError
        If it is missing, of another schema, lacks or has unknown keys or files, or if any byte was changed.
    """
    path = bundle_path(path)
    manifest = read_manifest(path)
    wanted = manifest.file_names
    missing = [name for name in wanted if name not in manifest.files]
    unknown = [name for name in manifest.files if name not in wanted]
    if missing or unknown:
        raise BundleError(f"{path / MANIFEST}: 'files' must name {list(wanted)}; missing {missing}, unknown {unknown}.")
    for name, digest in manifest.files.items():
        _verified(path, name, digest)
    return Bundle(path, manifest)


def save_bundle(path: str | Path, manifest: BundleManifest, files: Mapping[str, bytes]) -> Bundle:
    """Write a bundle: complete, or not at all.

    Parameters
    ----------
    path
        The folder to make; an existing bundle there is replaced, anything else is refused.
    manifest
        `files` in it is filled here.
    files
        Content of each of the manifest's `file_names`.

    Raises
    ------
    BundleError
        If files are missing or unknown, or `path` holds something that is not a bundle.
    """
    path = Path(path)
    if set(files) != set(manifest.file_names):
        raise BundleError(f"{path}: this bundle is made of {list(manifest.file_names)}; got {sorted(files)}.")
    if path.exists() and not (path / MANIFEST).exists() and (not path.is_dir() or any(path.iterdir())):
        raise BundleError(f"{path}: exists and is not a bundle; choose another folder or empty it.")
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    manifest = manifest.model_copy(update={"files": hashes})
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        draft.chmod(0o755)
        for name, content in files.items():
            (draft / name).write_bytes(content)
        text = json.dumps(manifest.model_dump(mode="json", by_alias=True), indent=1)
        (draft / MANIFEST).write_text(text + "\n", encoding="utf-8")
        if path.exists():
            shutil.rmtree(path)
        draft.replace(path)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return load_bundle(path)


def _verified(path: Path, name: str, digest: str) -> bytes:
    try:
        content = (path / name).read_bytes()
    except OSError:
        raise BundleError(f"{path}: the file '{name}' is missing; restore or export the bundle again.") from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise BundleError(
            f"{path / name}: was changed after export (its SHA-256 is not the manifest's); "
            "restore it or export the bundle again."
        )
    return content


def _newer(found: object) -> bool:
    prefix, _, number = str(found).rpartition("/")
    return prefix == SCHEMA.rpartition("/")[0] and number.isdigit() and int(number) > int(SCHEMA.rpartition("/")[2])
