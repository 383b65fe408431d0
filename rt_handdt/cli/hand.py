"""``rt-handdt hand``: a virtual hand that does what it is told."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from rt_handdt.cli.options import Headless, Network, Screenshot
from rt_handdt.errors import ConfigError

if TYPE_CHECKING:
    from rt_handdt.core.poses import Poses
    from rt_handdt.runtime.virtual_hand import HandModel

PORT = 5006
_LOOK_S = 0.02


def hand(
    listen: Annotated[
        str | None,
        typer.Option(
            "--listen",
            help=f"Decisions over UDP: udp:PORT or udp:HOST:PORT, as live --sink sends them. Without any: udp:{PORT}.",
            metavar="udp:PORT",
        ),
    ] = None,
    stream: Annotated[
        str | None, typer.Option("--stream", help="Decisions of an LSL stream: the NAME of live --sink lsl:NAME.")
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            "--device", help="Be a hand with motors on a played serial port, for live --sink hand: ability or serial."
        ),
    ] = None,
    link: Annotated[
        Path | None, typer.Option("--link", help="With --device: a name for the port, as in --link hand-port.")
    ] = None,
    poses: Annotated[
        Path | None, typer.Option("--poses", help="TOML: poses of gestures of one's own (docs/hands.md).")
    ] = None,
    sheet: Annotated[Path | None, typer.Option("--sheet", help="Write a picture of all poses (PNG), and end.")] = None,
    left: Annotated[bool, typer.Option("--left", help="Show a left hand.")] = False,
    light: Annotated[bool, typer.Option("--light", help="With --sheet: on a light ground.")] = False,
    headless: Headless = False,
    seconds: Annotated[float | None, typer.Option("--seconds", min=0.1, help="Stop after so many seconds.")] = None,
    screenshot: Screenshot = None,
    network: Network = False,
) -> None:
    """A drawn hand that does what it is told: to see decisions, or to try a hand with motors without having one.

    It opens when it is told nothing for 200 ms, and says so.
    """
    if sum(one is not None for one in (listen, stream, device)) > 1:
        raise ConfigError("--listen, --stream and --device: a hand follows one of them; give one.")
    if link is not None and device is None:
        raise ConfigError("--link names the port of a device; give --device, too.")
    if screenshot is not None and headless:
        raise ConfigError("--screenshot is of the window, and --headless shows none; leave one of them out.")
    if not headless or sheet is not None:
        from rt_handdt.gui.running import prepare_qt

        prepare_qt()
    from rt_handdt.core.poses import Poses
    from rt_handdt.io import lsl

    if sheet is not None:
        _draw_sheet(Poses.load(poses), sheet, left, light)
        return
    lsl.configure(network=network)
    model, source = _made(Poses.load(poses), listen, stream, device, link)
    try:
        if headless:
            _print(model, source, seconds)
        else:
            from rt_handdt.gui.hand_window import HandWindow
            from rt_handdt.gui.running import run_until_closed

            run_until_closed(lambda: HandWindow(model, source, left=left), seconds=seconds, screenshot=screenshot)
    finally:
        model.close()


def _draw_sheet(poses: Poses, path: Path, left: bool, light: bool) -> None:
    from rt_handdt.gui import theme
    from rt_handdt.gui.application import application
    from rt_handdt.gui.hand_sheet import save_sheet

    if light:
        theme.use("light")
    _app = application()
    save_sheet(poses, path, left=left)


def _made(
    poses: Poses, listen: str | None, stream: str | None, device: str | None, link: Path | None
) -> tuple[HandModel, str]:
    """The hand, and in a few words what it follows."""
    from rt_handdt.io.description import shown
    from rt_handdt.runtime.virtual_hand import DeviceHand, FollowingHand

    if device is not None:
        from rt_handdt.io.hands.device import PLAYED

        if device not in PLAYED:
            raise ConfigError(f"--device {shown(device)}: there is no such hand; known: {', '.join(PLAYED)}.")
        played = PLAYED[device](link)
        Console(stderr=True, highlight=False, soft_wrap=True).print(
            Text(f"rt-handdt live --sink hand:{device}:{played.path}")
        )
        return DeviceHand(played, poses), f"{device} hand on {played.path}"
    if stream is not None:
        from rt_handdt.io.lsl.decision_inlet import DecisionInlet

        return FollowingHand(DecisionInlet(stream), poses), f"stream {shown(stream)}"
    from rt_handdt.io.receivers.udp import UdpReceiver

    host, port = _udp(listen or f"udp:{PORT}")
    return FollowingHand(UdpReceiver(host, port), poses), f"UDP {host}:{port}"


def _udp(text: str) -> tuple[str, int]:
    from rt_handdt.io.description import shown

    found = re.fullmatch(r"udp:(?:(.+):)?(\d{1,5})", text)
    if found is None or not 0 < int(found[2]) < 65536:
        raise ConfigError(f"--listen {shown(text)}: must be udp:PORT or udp:HOST:PORT, with a port of 1 to 65535.")
    return found[1] or "127.0.0.1", int(found[2])


def _print(model: HandModel, source: str, seconds: float | None) -> None:
    """A line at each change, until Ctrl-C or the time is up."""
    from rt_handdt.io.description import shown
    from rt_handdt.runtime.ending import Ending

    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(f"Virtual hand: {source}. Ctrl-C ends it."))
    until = None if seconds is None else time.monotonic() + seconds
    before = None
    with Ending() as ending:
        ending.running = True
        while (until is None or time.monotonic() < until) and not ending.asked.wait(_LOOK_S):
            view = model.view()
            now = (view.label, view.state, view.code, round(10 * view.level))
            if now != before:
                before = now
                age = f"{view.age_ms:.0f} ms" if view.age_ms == view.age_ms else "–"
                name = f"{shown(view.label)} {view.level:.1f}"
                console.print(Text(f"{name:<40}{shown(view.state):<14}{age:>8}  {view.sentence}".rstrip()))
