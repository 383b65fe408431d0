"""Whether the packages are those that this version was made for."""

from __future__ import annotations

import importlib.metadata
import platform

from rt_handdt.core.finding import Finding

_OWN = "rt-handdt"


def check_python() -> list[Finding]:
    """Its version, and the C library's, which LSL's wheel depends on."""
    return [Finding("Python", "ok", f"{platform.python_version()} on {platform.platform()}")]


def check_packages() -> list[Finding]:
    """All that pyproject.toml asks for, in versions within its bounds; of the extras, those that are there."""
    from packaging.requirements import Requirement

    try:
        texts = importlib.metadata.requires(_OWN) or []
    except importlib.metadata.PackageNotFoundError:
        return [
            Finding("packages", "warning", f"{_OWN} runs without being installed", "Run 'pip install -e .[cpu]' in it.")
        ]
    troubles: list[Finding] = []
    there: dict[bool, list[str]] = {False: [], True: []}
    for need in sorted(map(Requirement, texts), key=lambda one: one.name.casefold()):
        optional = need.marker is not None and not need.marker.evaluate({"extra": ""})
        version = _version(need.name)
        remedy = f"Run: pip install '{need.name}{need.specifier}'"
        if version is None:
            if not optional:
                troubles.append(Finding(need.name, "fault", "not installed", remedy))
        elif not need.specifier.contains(version, prereleases=True):
            found = f"{version} is outside {need.specifier}"
            troubles.append(Finding(need.name, "warning" if optional else "fault", found, remedy))
        else:
            there[optional].append(f"{need.name} {version}")
    said = f"within their bounds: {', '.join(there[False])}; and {len(there[True])} of the extras'"
    return [*troubles, Finding("packages", "ok", said)]


def _version(name: str) -> str | None:
    try:
        # of a half-removed package, metadata are there without a version
        return importlib.metadata.version(name) or None
    except (importlib.metadata.PackageNotFoundError, KeyError):
        return None
