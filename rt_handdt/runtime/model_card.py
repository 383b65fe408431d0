"""What there is to know of a model before it is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rt_handdt.core.bundle import BundleManifest, read_manifest
from rt_handdt.core.gestures import title
from rt_handdt.errors import HanddtError
from rt_handdt.io.description import shown
from rt_handdt.paths import bundle_path, shipped


@dataclass(frozen=True)
class ModelCard:
    """A bundle as a list shows it.

    Attributes
    ----------
    given
        Name or folder by which it was named.
    manifest
        What it says of itself; None if it cannot be read.
    fault
        Why it cannot, in one sentence.
    """

    given: str
    manifest: BundleManifest | None
    fault: str = ""

    @property
    def name(self) -> str:
        """Its name; that of its folder if it cannot be read."""
        return shown(self.manifest.name if self.manifest else Path(self.given).name)

    @property
    def line(self) -> str:
        """How many gestures and electrodes, and at which rate."""
        if self.manifest is None:
            return "cannot be read"
        spec = self.manifest.spec
        return (
            f"{len(self.manifest.gestures)} classes · {spec.layout.n_channels} electrodes "
            f"({shown(spec.layout.name)}) · {spec.fs_hz:g} Hz"
        )

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """Caption and value of each fact."""
        if self.manifest is None:
            return (("Folder", self.given),)
        manifest, spec = self.manifest, self.manifest.spec
        window_ms, hop_ms = 1e3 * spec.window_samples / spec.fs_hz, 1e3 * spec.hop_samples / spec.fs_hz
        people = "1 person" if manifest.training.people == 1 else f"{manifest.training.people} people"
        return (
            ("Gestures", ", ".join(title(label) for label in manifest.gestures)),
            ("Electrodes", f"{spec.layout.n_channels}, layout {shown(spec.layout.name)}, {spec.fs_hz:g} Hz"),
            ("Decides", f"every {hop_ms:.3g} ms, on {window_ms:.0f} ms of signal"),
            ("Trained on", f"{people}: {shown(manifest.training.data, 120)}"),
            ("Scores", _scores(manifest.scores)),
            ("Made", f"{shown(manifest.created)}  ·  {self.given}"),
        )


def read_card(given: str | Path) -> ModelCard:
    """The card of a model, given by its folder or by a shipped name; never raises."""
    try:
        return ModelCard(str(given), read_manifest(given))
    except HanddtError as exc:
        return ModelCard(str(given), None, str(exc))


def shipped_models() -> tuple[str, ...]:
    """Names of the models that ship with the program."""
    try:
        folder = shipped("models")
    except HanddtError:
        return ()
    return tuple(sorted(one.name for one in folder.iterdir() if (one / "manifest.json").is_file()))


def find_models(recent: tuple[str, ...]) -> tuple[ModelCard, ...]:
    """The shipped models, and those used lately that are no shipped ones."""
    names = shipped_models()
    known = {bundle_path(name).resolve() for name in names}
    others = [given for given in recent if bundle_path(given).resolve() not in known]
    return tuple(read_card(given) for given in (*names, *others))


def _scores(scores: dict[str, float]) -> str:
    """Those that are shares, as people read them."""
    told = [
        f"{name.removeprefix('validation_').replace('_', ' ')} {value:.3f}"
        for name, value in scores.items()
        if 0.0 <= value <= 1.0
    ]
    return ", ".join(told) + (" (on validation people)" if told else "") if told else "none"
