"""Whether the network runs, where, and as it did where it was made."""

from __future__ import annotations

from rt_handdt.core.finding import Finding
from rt_handdt.errors import HanddtError

_AGAIN = "Run: pip uninstall -y onnxruntime onnxruntime-gpu, then install rt-handdt[cpu] or rt-handdt[gpu]"


def check_runtime() -> list[Finding]:
    """One ONNX Runtime, whole, with its providers."""
    try:
        from rt_handdt.infer.recognizer import available_providers, runtime_packages

        packages, providers = runtime_packages(), available_providers()
    except Exception as exc:
        if isinstance(exc, ImportError) and not _runtimes_own(exc):
            raise
        # Where one of two packages was removed, half of the module is left, which has no functions.
        return [Finding("ONNX Runtime", "fault", f"cannot be loaded ({type(exc).__name__}: {exc})", _AGAIN)]
    if len(packages) > 1:
        found = f"{' and '.join(packages)} overwrite each other's files"
        return [Finding("ONNX Runtime", "fault", found, _AGAIN)]
    return [Finding("ONNX Runtime", "ok", f"{' '.join(packages) or 'no known package'}: {', '.join(providers)}")]


def check_card() -> list[Finding]:
    """A card, its driver and libraries, and which of card and processor is faster."""
    from rt_handdt.core.bundle import load_bundle
    from rt_handdt.paths import shipped

    try:
        from rt_handdt.infer.card import card_report
    except ImportError as exc:
        if not _runtimes_own(exc):
            raise
        return []  # `check_runtime` says so
    try:
        bundle = load_bundle(shipped("models", "default"))
    except HanddtError:
        bundle = None  # `check_models` says so
    return card_report(bundle)


def check_models() -> list[Finding]:
    """The shipped models' golden vectors."""
    from rt_handdt.core.bundle import load_bundle
    from rt_handdt.paths import shipped

    try:
        from rt_handdt.infer.golden import golden_faults
        from rt_handdt.infer.recognizer import Recognizer
    except ImportError as exc:
        if not _runtimes_own(exc):
            raise
        return []  # `check_runtime` says so
    remedy = "Restore the folder or install rt-handdt again; if that does not help, versions of packages are at fault."
    found = []
    for path in sorted(shipped("models").iterdir()):
        if not (path / "manifest.json").exists():
            continue
        what = f"models/{path.name}"
        try:
            recognizer = Recognizer(load_bundle(path))
            faults = golden_faults(recognizer)
        except HanddtError as exc:
            found.append(Finding(what, "fault", str(exc), remedy))
            continue
        if faults:
            found.append(Finding(what, "fault", " ".join(faults), remedy))
        else:
            found.append(Finding(what, "ok", f"does as it did where it was made ({recognizer.provider})"))
    return found or [Finding("models", "fault", "none beside the package", "Install rt-handdt again.")]


def _runtimes_own(exc: ImportError) -> bool:
    """Whether it is ONNX Runtime that does not load, and not a package that this program needs besides."""
    return (exc.name or "").startswith("onnxruntime")
