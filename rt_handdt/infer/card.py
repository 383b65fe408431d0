"""What there is of a card here: driver, libraries, provider, and which of card and processor is faster."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess

import onnxruntime as ort

from rt_handdt.core.bundle import Bundle
from rt_handdt.core.finding import Finding
from rt_handdt.infer.choice import choose
from rt_handdt.infer.network import CUDA, CardError, load_libraries, open_session

#: Distributions of the extra ``gpu`` that hold the libraries, by CUDA's major version where they have it in their name.
LIBRARIES = ("nvidia-cuda-runtime", "nvidia-cublas", "nvidia-cufft", "nvidia-curand", "nvidia-cudnn-cu13")
INSTALL = "Run: pip uninstall -y onnxruntime onnxruntime-gpu, then install rt-handdt[gpu]"


def card_name() -> str | None:
    """Name and driver version of the card, as ``nvidia-smi`` says them; None where it is missing or fails."""
    asked = ["--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        lines = _ask(asked).splitlines()
    except (OSError, subprocess.SubprocessError):
        return None
    return "; ".join(", driver ".join(line.rsplit(", ", 1)) for line in lines if line.strip()) or None


def card_report(bundle: Bundle | None = None) -> list[Finding]:
    """Driver, libraries, provider, and what one window costs on each; one finding where there is no card.

    Parameters
    ----------
    bundle
        Whose network is timed; None: nothing is.
    """
    if shutil.which("nvidia-smi") is None:
        return [Finding("card", "ok", "no NVIDIA driver: the network runs on the processor, well within a hop")]
    name = card_name()
    if name is None:
        remedy = "Install the driver again, or use --provider cpu"
        return [Finding("card", "warning", "nvidia-smi is there, but the driver does not answer", remedy)]
    found = [Finding("card", "ok", name)]
    if CUDA not in ort.get_available_providers():
        return [*found, Finding("card, ONNX Runtime", "warning", "built without CUDA: the card is not used", INSTALL)]
    said = load_libraries()
    missing = [library for library in LIBRARIES if not _installed(library)]
    if said:
        found.append(Finding("card, libraries", "warning", said.split("\n", 1)[0][:200], INSTALL))
    elif missing:
        found.append(Finding("card, libraries", "ok", f"not of the extra gpu ({', '.join(missing)}), but loaded"))
    else:
        found.append(Finding("card, libraries", "ok", ", ".join(_installed(library) for library in LIBRARIES)))
    if bundle is None:
        return found
    model = bundle.file("recognizer.onnx")
    try:
        choice = choose(model, open_session(model, "cpu"), "auto", bundle.spec.frame_shape)
    except CardError as exc:
        return [*found, Finding("card, provider", "warning", str(exc), INSTALL)]
    works = choice.card_ms is not None
    return [*found, Finding("card, provider", "ok" if works else "warning", choice.sentence, "" if works else INSTALL)]


def _ask(arguments: list[str]) -> str:
    program = shutil.which("nvidia-smi") or "nvidia-smi"
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=20, check=True)
    return done.stdout.strip()


def _installed(name: str) -> str:
    try:
        return f"{name} {importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        return ""
