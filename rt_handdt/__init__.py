"""Real-time hand-gesture recognition from high-density surface EMG.

What programs of others may use stands in `rt_handdt.api`, and is imported when it is first asked for::

    import rt_handdt as hd

    classifier = hd.StreamClassifier(hd.load("models/default"))

Read the package in the order of the signal: `io` (streams and recordings) → `core` (filters, windows, features,
decoder) → `infer` (ONNX Runtime) → `runtime` (the live engine) → `api`, `gui` and `cli`. `sim` is the virtual forearm.
"""

import importlib
import logging
from typing import Any

__version__ = "0.1.0"

# Who embeds the package decides what becomes of its words; without this, Python would print warnings by itself.
logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    if name.startswith("__") and name != "__all__":
        raise AttributeError(name)
    api = importlib.import_module("rt_handdt.api")
    if name == "__all__":
        return [*api.__all__, "__version__"]
    if name in api.__all__:
        return getattr(api, name)
    raise AttributeError(f"module 'rt_handdt' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *importlib.import_module("rt_handdt.api").__all__])
