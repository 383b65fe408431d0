"""``rt-handdt simulate``: a virtual person as a live stream, who does what it is told."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from rt_handdt.cli.options import Network, Screenshot, Seconds
from rt_handdt.cli.replay import stop_event
from rt_handdt.core.gestures import HYSER_GESTURES, title
from rt_handdt.errors import ConfigError
from rt_handdt.sim.seeds import DEMO_SEED

if TYPE_CHECKING:
    from rt_handdt.cli.keyboard import Keyboard, KeyCommands
    from rt_handdt.core.recording import Marker
    from rt_handdt.io.amplifier import VirtualAmplifier
    from rt_handdt.io.command_ports import CommandListener
    from rt_handdt.io.pacing import PaceResult
    from rt_handdt.sim.live import LivePerson
    from rt_handdt.sim.person import Person
    from rt_handdt.sim.script import Cue

LOOK_S = 0.05
#: Bad commands are all counted, but only so many are shown.
SHOWN_BAD = 20
#: A script that is repeated must last this long, or repeating it would be all there is time for.
SHORTEST_LOOP_S = 1.0


def simulate(
    subject: Annotated[int, typer.Option("--subject", min=1, help="Which person.")] = 1,
    session: Annotated[int, typer.Option("--session", min=1, help="Which day: how the electrodes sit.")] = 1,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Which virtual people; the shipped model knows seed 0.")
    ] = DEMO_SEED,
    name: Annotated[str | None, typer.Option("--name", help="Name of the stream; default: the person's.")] = None,
    seconds: Seconds = None,
    counter: Annotated[bool, typer.Option("--counter", help="Add a channel COUNTER that counts samples.")] = False,
    script: Annotated[
        Path | None,
        typer.Option("--script", help="A TOML file of cues, as configs/scripts/tour.toml; or just 'tour'."),
    ] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Repeat the script without end.")] = False,
    random: Annotated[bool, typer.Option("--random", help="Gestures in random order with rests, without end.")] = False,
    gestures: Annotated[
        Literal["ten", "all"] | None, typer.Option("--gestures", help="For --random: the study's ten, or all 34.")
    ] = None,
    gesture_s: Annotated[
        float | None, typer.Option("--gesture-s", min=0.1, help="For --random: seconds per gesture (3).")
    ] = None,
    rest_s: Annotated[
        float | None, typer.Option("--rest-s", min=0.1, help="For --random: seconds of rest between (2).")
    ] = None,
    udp_port: Annotated[
        int | None,
        typer.Option("--udp-port", min=0, max=65535, help="Take commands here, on 127.0.0.1 (0: any free port)."),
    ] = None,
    commands: Annotated[
        str | None, typer.Option("--commands", help="Take commands from the LSL text stream of this name.")
    ] = None,
    reaction_ms: Annotated[
        float | None,
        typer.Option("--reaction-ms", help="From a command to the movement's onset; default: the person's own."),
    ] = None,
    fatigue: Annotated[bool, typer.Option("--fatigue", help="Muscles tire, and recover.")] = False,
    circumference_mm: Annotated[
        float | None, typer.Option("--circumference-mm", help="Of the forearm; default: the person's own.")
    ] = None,
    fat_mm: Annotated[
        float | None, typer.Option("--fat-mm", help="Fat under the skin; default: the person's own.")
    ] = None,
    window: Annotated[
        bool, typer.Option("--window", help="Open a window with buttons, sliders and a map of the electrodes.")
    ] = False,
    screenshot: Screenshot = None,
    network: Network = False,
) -> None:
    """Stream a virtual person who does what you tell it: by keys, in a window, by script, at random, by UDP or LSL.

    Commands are lines of text: 'hand_close 0.8' (1 is the person's usual strength), 'rest', 'noise 2' (times the
    day's), 'move 5 -10' (mm towards the wrist, degrees round the forearm), 'break 12', 'break ED-1-1 noisy', 'mend 12'
    (electrodes by name, or counted from 0), or JSON such as {"label": "hand_close", "level": 0.8}. A script ends the
    stream when it ends, unless it is repeated.

    Examples: rt-handdt simulate --window · rt-handdt simulate --script tour --loop · rt-handdt simulate --udp-port 5005
    """
    from rt_handdt.io import lsl
    from rt_handdt.io.amplifier import VirtualAmplifier
    from rt_handdt.io.command_ports import LslCommands, UdpCommands
    from rt_handdt.sim.donning import draw_donning
    from rt_handdt.sim.live import LivePerson
    from rt_handdt.sim.person import draw_person

    if screenshot is not None and not window:
        raise ConfigError("--screenshot saves a picture of the window; give --window, too.")
    who = draw_person(seed, subject, circumference_mm=circumference_mm, fat_mm=fat_mm)
    if script is not None:
        if random:
            raise ConfigError("--script and --random exclude each other; give one of them.")
        cues, limit = _script_cues(script, loop)
        if limit is not None:
            seconds = limit if seconds is None else min(seconds, limit)
    elif loop:
        raise ConfigError("--loop repeats a script; give one with --script.")
    else:
        cues = _random_cues(who, session, gestures, gesture_s, rest_s) if random else iter(())
    if not random:
        for option, value in (("--gestures", gestures), ("--gesture-s", gesture_s), ("--rest-s", rest_s)):
            if value is not None:
                raise ConfigError(f"{option} belongs to --random; give that, too, or leave it out.")
    person = LivePerson(
        who,
        draw_donning(who, session),
        reaction_s=None if reaction_ms is None else reaction_ms / 1e3,
        cues=cues,
        fatigue=fatigue,
    )
    if window:
        from rt_handdt.gui.control import load_window

        load_window()  # while nothing streams yet: importing Qt keeps the interpreter busy for some 0.1 s
    news: deque[str] = deque(maxlen=100)
    bad_shown = 0

    def on_bad(sentence: str) -> None:
        nonlocal bad_shown
        bad_shown += 1
        if bad_shown <= SHOWN_BAD:
            news.append(f"Bad command: {sentence}")

    console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
    lsl.configure(network=network)
    with contextlib.ExitStack() as stack:
        stack.callback(person.close)
        ports: list[CommandListener] = []
        if udp_port is not None:
            ports.append(stack.enter_context(UdpCommands(udp_port, person, on_bad)))
        if commands is not None:
            ports.append(stack.enter_context(LslCommands(commands, person, on_bad)))
        amplifier = VirtualAmplifier(
            person,
            name=name,
            counter=counter,
            on_marker=None if window else lambda marker: news.append(_line(marker, person.fs_hz)),
        )
        console.print(
            f"Stream {amplifier.outlet.name}: {len(person.layout.channels)} channels at {person.fs_hz:g} Hz "
            f"(subject {subject}, session {session}, seed {seed}); simulated EMG",
        )
        for port in ports:
            console.print(f"Commands: {port.address}, for example 'hand_close 0.8' or 'rest'")
        stop = stop_event()
        if window:
            told_by = _window(person, amplifier, [port.address for port in ports], stop, screenshot)
        elif script is None and not random and sys.stdin.isatty():
            from rt_handdt.cli.keyboard import Keyboard, KeyCommands, legend

            console.print(legend())
            told_by = _keys(stack.enter_context(Keyboard()), KeyCommands(person.command), news, stop)
        else:
            if script is None and not random and not ports:
                console.print("No terminal, --window, --script, --random, --udp-port or --commands: the hand rests.")
            told_by = _nothing(stop)
        result = _stream(amplifier, seconds, stop, told_by, news, console)
    console.print(
        f"Sent {result.samples} samples in {result.chunks} chunks; {result.late_chunks} left late "
        f"(worst {result.worst_late_s * 1e3:.1f} ms)"
    )
    for port in ports:
        console.print(f"Commands: {port.good} taken, {port.bad} bad ({port.address})")


def _line(marker: Marker, fs_hz: float) -> str:
    return f"{marker.index / fs_hz:7.1f} s  {title(marker.label)}"


def _script_cues(path: Path, loop: bool) -> tuple[Iterator[Cue], float | None]:
    """The cues of a script, given by its file or by the name of a shipped one, and their length in s (None: no end)."""
    from rt_handdt.paths import shipped
    from rt_handdt.sim.script import read_script

    folder = shipped("configs", "scripts")
    known = sorted(file.stem for file in folder.glob("*.toml"))
    named = str(path) in known and not path.exists()
    told = read_script(folder / f"{path}.toml" if named else path)
    if not loop:
        return iter(told.cues), told.seconds
    if told.seconds < SHORTEST_LOOP_S:
        raise ConfigError(
            f"{path}: a script that is repeated must last at least {SHORTEST_LOOP_S:g} s; this one lasts "
            f"{told.seconds:g} s."
        )
    return cycle(told.cues), None


def _random_cues(
    who: Person, session: int, gestures: str | None, gesture_s: float | None, rest_s: float | None
) -> Iterator[Cue]:
    from rt_handdt.sim.person import SCRIPT_STREAM
    from rt_handdt.sim.script import endless_cues
    from rt_handdt.sim.session import DEFAULT_GESTURES

    labels = HYSER_GESTURES if gestures == "all" else DEFAULT_GESTURES
    rng = who.rng(SCRIPT_STREAM, session)
    return endless_cues(rng, labels, gesture_s=gesture_s or 3.0, rest_s=rest_s or 2.0)


def _nothing(stop: threading.Event) -> Callable[[], None]:
    def wait() -> None:
        stop.wait(LOOK_S)

    return wait


def _keys(keyboard: Keyboard, commands: KeyCommands, news: deque[str], stop: threading.Event) -> Callable[[], None]:
    """Wait a moment for keys."""

    def look() -> None:
        for key in keyboard.read(LOOK_S):
            before = (commands.label, commands.force)
            if not commands.press(key):
                stop.set()
            elif (commands.label, commands.force) != before:
                news.append(f"           told: {title(commands.label)}, force {commands.force:.1f}")

    return look


def _window(
    person: LivePerson, amplifier: VirtualAmplifier, ports: list[str], stop: threading.Event, screenshot: Path | None
) -> Callable[[], None]:
    """Show the window until it is closed, which ends the stream; or until the stream ends, which closes it."""
    from rt_handdt.gui.control import run_controls

    def show() -> None:
        run_controls(person, amplifier, screenshot=screenshot, ports=ports, stop=stop)
        stop.set()

    return show


def _stream(
    amplifier: VirtualAmplifier,
    seconds: float | None,
    stop: threading.Event,
    told_by: Callable[[], None],
    news: deque[str],
    console: Console,
) -> PaceResult:
    """Stream on a thread of its own, so that neither keys nor a window nor a slow terminal delay a chunk.

    `told_by` is called again and again meanwhile: it waits for what a user does, and returns soon or once `stop` is
    set.
    """
    done: list[PaceResult | BaseException] = []

    def work() -> None:
        try:
            done.append(amplifier.run(seconds=seconds, stop=stop))
        except BaseException as exc:  # raised below, where the program waits
            done.append(exc)
        finally:
            stop.set()

    thread = threading.Thread(target=work, name="handdt-simulate")
    thread.start()
    try:
        while not stop.is_set():
            told_by()
            while news:
                console.print(news.popleft())
    finally:
        stop.set()
        thread.join()
    while news:
        console.print(news.popleft())
    result = done[0]
    if isinstance(result, BaseException):
        raise result
    # Listeners get what is still on its way before the stream goes.
    threading.Event().wait(0.3)
    return result
