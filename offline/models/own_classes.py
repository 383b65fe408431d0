"""Encoders and losses of one's own: found, made, and tried once before any work is done with them.

An encoder is a `torch.nn.Module` made as ``MyEncoder(n_maps, layout, **options)`` that turns standardised maps
(N, n_maps, H, W) into a latent (N, C), (N, C, L) or (N, C, h, w). A loss is one made as ``MyLoss(n_gestures, n_people,
latent_shape, **options)`` that turns a `LossInputs` into one number; what it learns is learnt along and thrown away.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from offline.bundle.writing import to_onnx
from offline.config.own_names import OwnEncoder as OwnEncoderConfig
from offline.config.own_names import OwnLoss as OwnLossConfig
from rt_handdt.config import nearest
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.errors import ConfigError, HanddtError


@dataclass(frozen=True)
class LossInputs:
    """What an own loss is given of a batch of N samples.

    Attributes
    ----------
    pattern
        (N, C, h, w): the pattern latent.
    subject
        The subject latent; None where there is one subject only.
    gesture, person
        (N,) int64: numbers of the labels and of the subjects trained on.
    target
        (N, F, H, W): the standardised maps.
    """

    pattern: Tensor
    subject: Tensor | None
    gesture: Tensor
    person: Tensor
    target: Tensor


class OwnEncoder(nn.Module):
    """An encoder of one's own, whatever the form of its latent: (N, F, H, W) → (N, C, h, w).

    Parameters
    ----------
    n_maps
        F, as the encoder gets them.

    Attributes
    ----------
    latent_shape
        (C, h, w), found by one try.

    Raises
    ------
    ConfigError
        If the class cannot be found, made or run, or its latent is no latent.
    """

    def __init__(self, config: OwnEncoderConfig, n_maps: int, layout: ElectrodeLayout) -> None:
        super().__init__()
        said = f"'network.encoder' = \"{config.encoder}\""
        self.inner = _made(said, config.encoder, "(n_maps, layout", config.encoder_options, n_maps, layout)
        try:
            with torch.no_grad():
                latent = self.inner.eval()(torch.zeros(2, n_maps, *layout.shape))
        except Exception as exc:  # whatever somebody else's code raises
            raise ConfigError(f"{said}: does not take maps (N, {n_maps}, H, W) ({_why(exc)}); mend it.") from None
        shape = tuple(latent.shape) if isinstance(latent, Tensor) else ()
        if not 2 <= len(shape) <= 4 or shape[0] != 2 or 0 in shape or not bool(torch.isfinite(latent).all()):
            came = f"shape {shape}" if shape else type(latent).__name__
            raise ConfigError(
                f"{said}: of 2 samples it must give finite latents (2, C), (2, C, L) or (2, C, h, w); got {came}."
            )
        self.inner.train()
        self.latent_shape = (shape[1], 1 if len(shape) < 4 else shape[2], shape[-1] if len(shape) > 2 else 1)

    def forward(self, maps: Tensor) -> Tensor:
        latent: Tensor = self.inner(maps)
        return latent.reshape(-1, *self.latent_shape)


class Bridge(nn.Module):
    """Latents of an own encoder in the form that our decoder begins with, by a linear map: (N, …) → (N, C, h, w)."""

    def __init__(self, given: tuple[int, ...], wanted: tuple[int, ...]) -> None:
        super().__init__()
        self.wanted = wanted
        self.linear = nn.Linear(_size(given), _size(wanted))

    def forward(self, latent: Tensor) -> Tensor:
        made: Tensor = self.linear(latent.flatten(1))
        return made.reshape(-1, *self.wanted)


def bridge(given: tuple[int, ...], wanted: tuple[int, ...]) -> nn.Module:
    """A `Bridge` where one is needed."""
    return nn.Identity() if given == wanted else Bridge(given, wanted)


def own_loss(config: OwnLossConfig, n_gestures: int, n_people: int, latent_shape: tuple[int, ...]) -> nn.Module | None:
    """The loss of one's own; None where none is wanted.

    Raises
    ------
    ConfigError
        If the class cannot be found or made.
    """
    if not (config.own and config.own_weight):
        return None
    said = f"'loss.own' = \"{config.own}\""
    begin = "(n_gestures, n_people, latent_shape"
    return _made(said, config.own, begin, config.own_options, n_gestures, n_people, latent_shape)


def own_term(loss: nn.Module, inputs: LossInputs) -> Tensor:
    """What an own loss comes to.

    Raises
    ------
    ConfigError
        If it is no single number.
    """
    term = loss(inputs)
    if not isinstance(term, Tensor) or term.numel() != 1:
        came = f"shape {tuple(term.shape)}" if isinstance(term, Tensor) else type(term).__name__
        raise ConfigError(f"'loss.own': {type(loss).__name__} must give one number, as a tensor; got {came}; mend it.")
    return term.reshape(())


def try_encoder(config: OwnEncoderConfig, n_maps: int, layout: ElectrodeLayout, *, exported: bool) -> None:
    """Make an own encoder and run it once; if it will be exported, export it: nobody trains for hours to hear it then.

    Raises
    ------
    ConfigError
        If it cannot be made or run.
    BundleError
        If it cannot be exported.
    """
    if config.encoder:
        with torch.random.fork_rng(devices=[]):
            made = OwnEncoder(config, n_maps, layout)
            if exported:
                to_onnx(made, torch.zeros(2, n_maps, *layout.shape), "maps", ["latent"])


def check_own(names: tuple[str, ...]) -> None:
    """Refuse own classes that cannot be found, before any work.

    Raises
    ------
    ConfigError
        Naming the class and what is wrong.
    """
    for name in names:
        own_class(name)


def own_class(name: str) -> type[nn.Module]:
    """The class of a name such as ``my_module:MyEncoder`` or ``/home/me/my_module.py:MyEncoder``.

    Raises
    ------
    ConfigError
        If module or class are not there, or it is no `torch.nn.Module`.
    """
    where, _, kind = name.rpartition(":")
    try:
        module = _module_of(Path(where)) if where.endswith(".py") else importlib.import_module(where)
    except ModuleNotFoundError as exc:
        if exc.name and where.split(".")[0] == exc.name.split(".")[0]:
            raise ConfigError(
                f"'{name}': there is no module '{where}'; put {where}.py beside the configuration, or install it."
            ) from None
        raise ConfigError(f"'{name}': its module cannot be loaded ({_why(exc)}); install what it needs.") from None
    except FileNotFoundError:
        raise ConfigError(f"'{name}': there is no such file; put it back, or name the class anew.") from None
    except Exception as exc:  # whatever somebody else's code raises
        raise ConfigError(f"'{name}': its module cannot be loaded ({_why(exc)}); mend it.") from None
    found = getattr(module, kind, None)
    if found is None:
        raise ConfigError(
            f"'{name}': the module has no '{kind}'{nearest(kind, [n for n in vars(module) if n[0] != '_'])}"
        )
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise ConfigError(f"'{name}': must be a class derived from torch.nn.Module; got {type(found).__name__}.")
    return found


def own_source(name: str) -> Path | None:
    """The file that an own class lies in; None where Python has no file of it."""
    where, _, _ = name.rpartition(":")
    if where.endswith(".py"):
        return Path(where)
    found = importlib.util.find_spec(where)
    return Path(found.origin) if found is not None and found.origin and found.origin.endswith(".py") else None


def keep_own(names: tuple[str, ...], folder: Path) -> None:
    """Copy the files of own classes into a run's folder, so that the run can be read when they have changed.

    Raises
    ------
    HanddtError
        If they cannot be written.
    """
    for file in (Path(where) for name in names if (where := name.rpartition(":")[0]).endswith(".py")):
        if file.parent.resolve() == folder.resolve():
            continue
        try:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, folder / file.name)
        except OSError as exc:
            raise HanddtError(
                f"{folder}: cannot be written to ({exc.strerror or exc}); choose another folder."
            ) from None


def own_digest(names: tuple[str, ...]) -> list[str]:
    """SHA-256 of each class's file and its name: a class that was changed is another."""
    files = [own_source(name) for name in names]
    return [
        f"{hashlib.sha256(file.read_bytes()).hexdigest() if file and file.is_file() else ''}:{name.rpartition(':')[2]}"
        for name, file in zip(names, files, strict=True)
    ]


def _module_of(file: Path) -> Any:
    spec = importlib.util.spec_from_file_location(
        f"own_{file.stem}_{hashlib.sha256(str(file).encode()).hexdigest()[:8]}", file
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[spec.name]
        raise
    return module


def _made(said: str, name: str, begin: str, options: dict[str, Any], *arguments: Any) -> nn.Module:
    kind = own_class(name)
    try:
        return kind(*arguments, **options)
    except Exception as exc:  # whatever somebody else's code raises
        with_options = "".join(f", {key}={value!r}" for key, value in options.items())
        raise ConfigError(
            f"{said}: cannot be made as {kind.__name__}{begin}{with_options}) ({_why(exc)}); mend it."
        ) from None


def _why(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}".splitlines()[0]


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for one in shape:
        size *= one
    return size
