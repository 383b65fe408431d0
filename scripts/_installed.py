"""What a Python environment still lacks of this checkout: ``PYTHON -I scripts/_installed.py ROOT EXTRA,EXTRA…``.

Looks at what is installed instead of remembering what was once asked for: so an environment serves every command that
it holds enough for, whoever made it, and no package index is asked for what is there. Prints the extras to install
(``cpu`` or ``gpu`` as the environment has it already: both own the module ``onnxruntime``), then, on a line of its own,
what is wrong. Exit code 0: nothing is; 3: only this checkout must be installed again; 4: packages are missing; 5: this
Python is too old.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from urllib.parse import unquote, urlparse

if sys.version_info < (3, 11):  # noqa: UP036 (an environment may be anybody's, of any age)
    print("Python %d.%d" % sys.version_info[:2])  # noqa: UP031
    sys.exit(5)

import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution

try:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name
except ImportError:  # every complete environment has it; pip carries a copy
    try:
        from pip._vendor.packaging.requirements import Requirement
        from pip._vendor.packaging.utils import canonicalize_name
    except ImportError:
        print(sys.argv[2], "packaging", sep="\n")
        sys.exit(4)

RUNTIMES = ("cpu", "gpu")


def main() -> int:
    """Print and return what the module's text says."""
    root = Path(sys.argv[1])
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [_runtime(project, extra) if extra in RUNTIMES else extra for extra in sys.argv[2].split(",")]
    print(",".join(extras))
    missing = lacking(project, extras, constraints(root / "scripts" / "constraints.txt"))
    wrong = missing or own(project, root)
    print(", ".join(wrong))
    return 4 if missing else 3 if wrong else 0


def _runtime(project: dict, wanted: str) -> str:
    """Of the two extras the one whose packages are there, whatever version; the wanted one if both or none are."""
    for extra in (wanted, *RUNTIMES):
        if all(found(Requirement(text).name) for text in project["optional-dependencies"][extra]):
            return extra
    return wanted


def found(name: str) -> Distribution | None:
    """An installed distribution; None where there is none, or only the remains of a broken installation."""
    try:
        there = distribution(name)
        return there if there.version else None
    except (PackageNotFoundError, KeyError, TypeError, ValueError):
        return None


def constraints(path: Path) -> dict[str, Requirement]:
    """The versions that are allowed, by name."""
    lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    every = [Requirement(line) for line in lines if line and not line.startswith("-")]
    return {canonicalize_name(one.name): one for one in every if _applies(one, ())}


def lacking(project: dict, extras: list[str], allowed: dict[str, Requirement]) -> list[str]:
    """What is not installed, or not in a version that is asked for and allowed; with all that it asks for in turn."""
    own_name = canonicalize_name(project["name"])
    asked = [Requirement(f"{own_name}[{','.join(extras)}]")]
    seen: set[str] = set()
    wrong: dict[str, str] = {}
    while asked:
        one = asked.pop()
        if str(one) in seen:
            continue
        seen.add(str(one))
        name = canonicalize_name(one.name)
        if name == own_name:
            texts = list(project.get("dependencies", ()))
            texts += [text for extra in one.extras for text in project["optional-dependencies"][extra]]
        else:
            there = found(name)
            limits = one.specifier & allowed[name].specifier if name in allowed else one.specifier
            if there is None:
                wrong[name] = name
                continue
            if not limits.contains(there.version, prereleases=True):
                wrong[name] = f"{name}{limits} (there is {there.version})"
            texts = there.requires or []
        asked += [need for need in map(Requirement, texts) if _applies(need, one.extras)]
    return [wrong[name] for name in sorted(wrong)]


def _applies(one: Requirement, extras: object) -> bool:
    if one.marker is None:
        return True
    return any(one.marker.evaluate({"extra": extra}) for extra in (extras or ("",)))


def own(project: dict, root: Path) -> list[str]:
    """What is wrong with the installation of this very checkout: moved, another's, or its commands changed."""
    there = found(project["name"])
    if there is None:
        return [f"{project['name']} itself"]
    origin = json.loads(there.read_text("direct_url.json") or "{}")
    where = Path(unquote(urlparse(origin.get("url", "")).path))
    if not origin.get("dir_info", {}).get("editable") or not _same(where, root):
        return [f"{project['name']} of this checkout"]
    commands = {(one.name, one.value) for one in there.entry_points if one.group == "console_scripts"}
    if commands != set(project.get("scripts", {}).items()):
        return ["its commands"]
    bin_folder = Path(sys.executable).parent
    for name, _ in commands:
        file = bin_folder / name
        head = file.read_text(encoding="utf-8", errors="replace")[:1000] if file.exists() else ""
        interpreter = re.search(r"[^#!\"'\s][^\"'\n]*/python[\d.]*", head)  # "#!…", or sh's exec where there are spaces
        if not interpreter or not _same(Path(interpreter[0]).parent, bin_folder):
            return [f"the command {name}"]
    return []


def _same(one: Path, other: Path) -> bool:
    return one.exists() and one.samefile(other)


if __name__ == "__main__":
    sys.exit(main())
