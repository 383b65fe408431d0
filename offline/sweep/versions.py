"""Versions of what decides the numbers."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from platform import python_version

from rt_handdt import __version__

#: Begins the names of files by which workers show that they see a folder.
TOKEN = ".token-"
_PACKAGES = ("numpy", "scipy", "scikit-learn", "torch")


def versions() -> dict[str, str]:
    """Of the program, of Python and of the packages that compute; ``"none"`` for one that is not installed."""
    found = {"rt-handdt": __version__, "python": python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found
