"""Where the files that ship with the project lie: in a checkout, or inside an installed package."""

from __future__ import annotations

from pathlib import Path

from rt_handdt.errors import ConfigError

_PACKAGE = Path(__file__).resolve().parent


def shipped(*parts: str) -> Path:
    """Path of a shipped file or folder, e.g. ``shipped("models", "default")``.

    Raises
    ------
    ConfigError
        If it is not there.
    """
    for root in (_PACKAGE.parent, _PACKAGE / "_shipped"):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise ConfigError(f"{'/'.join(parts)}: not found beside the package; install rt-handdt again or use a checkout.")


def layout_path(name_or_file: str) -> Path:
    """A layout given by a shipped name (``hyser_16x16``) or by the path of a TOML file."""
    given = Path(name_or_file)
    if given.suffix == ".toml" or given.exists():
        return given
    try:
        return shipped("configs", "layouts", f"{name_or_file}.toml")
    except ConfigError:
        known = sorted(path.stem for path in shipped("configs", "layouts").glob("*.toml"))
        raise ConfigError(
            f"Layout '{name_or_file}': neither a file nor a shipped layout ({', '.join(known)})."
        ) from None


def bundle_path(name_or_folder: str | Path) -> Path:
    """A model given by a shipped name (``default``) or by its folder; nothing is looked into."""
    given = Path(name_or_folder)
    if given.exists() or len(given.parts) != 1 or given.name in (".", ".."):
        return given
    try:
        return shipped("models", given.name)
    except ConfigError:
        return given
