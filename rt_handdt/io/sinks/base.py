"""What the sinks of this package have in common."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any, ClassVar

from rt_handdt.errors import ConfigError
from rt_handdt.io.sink import SinkSettings


class ConfiguredSink:
    """A sink that is made from its settings as keywords: ``UdpSink(port=5006)``.

    Raises
    ------
    ConfigError
        If a setting is unknown, missing or not as it should be.
    """

    Settings: ClassVar[type[SinkSettings]] = SinkSettings

    def __init__(self, **settings: Any) -> None:
        self.settings: Any = self.Settings.parse(settings, what=type(self).__name__)


def needed(module: str, package: str) -> ModuleType:
    """A module of a package that only this sink needs.

    Raises
    ------
    ConfigError
        If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ConfigError(
            f"needs the package {package}, which is not installed; install rt-handdt with its extra 'sinks', or: "
            f"pip install {package}"
        ) from None
