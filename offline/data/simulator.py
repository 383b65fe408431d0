"""Which virtual forearm this is: a fingerprint of the code that draws people and makes their signal."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources

from rt_handdt.paths import layout_path
from rt_handdt.sim.session import DEFAULT_LAYOUT


@cache
def simulator_fingerprint() -> str:
    """Twelve digits of the SHA-256 over the source of `rt_handdt.sim` and the layout of a cohort's electrodes.

    Files are taken in order of name, each as its name, a line break and its bytes, with Windows' line ends made plain:
    a checkout and an installed package of the same version agree on any system.
    """
    digest = hashlib.sha256()
    sources = [file for file in resources.files("rt_handdt.sim").iterdir() if file.name.endswith(".py")]
    for file in (*sorted(sources, key=lambda one: one.name), layout_path(DEFAULT_LAYOUT)):
        digest.update(f"{file.name}\n".encode() + file.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:12]
