"""``rt-handdt simulate``: a virtual person as a live stream, who does what it is told."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from rt_handdt.cli.options import Network, Seconds
from rt_handdt.cli.replay import stop_event
from rt_handdt.core.gestures import title
from rt_handdt.errors import ConfigError
from rt_handdt.sim.seeds import RESERVED_SEED

if TYPE_CHECKING:
    from rt_handdt.cli.keyboard import Keyboard, KeyCommands
    from rt_handdt.io.amplifier import VirtualAmplifier
    from rt_handdt.io.pacing import PaceResult

LOOK_S = 0.05
#: Bad commands are all counted, but only so many are shown.
SHOWN_BAD = 20


def simulate(
    subject: Annotated[int, typer.Option("--subject", min=1, help="Which person.")] = 1,
    session: Annotated[int, typer.Option("--session", min=1, help="Which day: how the electrodes sit.")] = 1,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Which virtual people; the shipped model knows seed 0.")
    ] = RESERVED_SEED,  # a person on whom no shipped model was trained; the demo's, too
    name: Annotated[str | None, typer.Option("--name", help="Name of the stream; default: the person's.")] = None,
    seconds: Seconds = None,
    counter: Annotated[bool, typer.Option("--counter", help="Add a channel COUNTER that counts samples.")] = False,
    script: Annotated[
        Path | None, typer.Option("--script", help="A TOML file of [[cue]] tables: label, seconds, level.")
    ] = None,
    random: Annotated[bool, typer.Option("--random", help="Gestures in random order with rests, without end.")] = False,
    udp_port: Annotated[
        int | None,
        typer.Option("--udp-port", min=0, max=65535, help="Take commands here, on 127.0.0.1 (0: any free port)."),
    ] = None,
    reaction_ms: Annotated[
        float | None,
        typer.Option("--reaction-ms", help="From a command to the movement's onset; default: the person's own."),
    ] = None,
    network: Network = False,
) -> None:
    """Stream a virtual person who does what you tell it: by keys, a script, at random, or by UDP.

    Commands by UDP are datagrams such as 'hand_close 0.8', 'rest' or {"label": "hand_close", "level": 0.8}; level 1 is
    the person's usual strength. A script ends the stream when it ends.
    """
    from rt_handdt.io import lsl
    from rt_handdt.io.amplifier import VirtualAmplifier
    from rt_handdt.io.commands import LOOPBACK, CommandPort
    from rt_handdt.sim.donning import draw_donning
    from rt_handdt.sim.live import LivePerson
    from rt_handdt.sim.person import SCRIPT_STREAM, draw_person
    from rt_handdt.sim.script import endless_cues, read_script
    from rt_handdt.sim.session import DEFAULT_GESTURES

    if script is not None and random:
        raise ConfigError("--script and --random exclude each other; give one of them.")
    told = read_script(script) if script is not None else None
    who = draw_person(seed, subject)
    if told is not None:
        cues = iter(told.cues)
        seconds = min(told.seconds, seconds or told.seconds)
    else:
        cues = endless_cues(who.rng(SCRIPT_STREAM, session), DEFAULT_GESTURES) if random else iter(())
    person = LivePerson(
        who,
        draw_donning(who, session),
        reaction_s=None if reaction_ms is None else reaction_ms / 1e3,
        cues=cues,
    )
    news: deque[str] = deque(maxlen=100)
    bad_shown = 0

    def on_bad(sentence: str) -> None:
        nonlocal bad_shown
        bad_shown += 1
        if bad_shown <= SHOWN_BAD:
            news.append(f"Bad command: {sentence}")

    console = Console(soft_wrap=True, highlight=False, markup=False)
    lsl.configure(network=network)
    with contextlib.ExitStack() as stack:
        port = None
        if udp_port is not None:
            port = stack.enter_context(CommandPort(udp_port, person.command, on_bad))
        amplifier = VirtualAmplifier(
            person,
            name=name,
            counter=counter,
            on_marker=lambda marker: news.append(f"{marker.index / person.fs_hz:7.1f} s  {title(marker.label)}"),
        )
        console.print(
            f"Stream {amplifier.outlet.name}: {len(person.layout.channels)} channels at {person.fs_hz:g} Hz "
            f"(subject {subject}, session {session}, seed {seed}); simulated EMG",
        )
        if port is not None:
            console.print(f"Commands: UDP {LOOPBACK}:{port.port}, for example 'hand_close 0.8' or 'rest'")
        stop = stop_event()
        keys = None
        if told is None and not random:
            if sys.stdin.isatty():
                from rt_handdt.cli.keyboard import Keyboard, KeyCommands, legend

                console.print(legend())
                keys = (stack.enter_context(Keyboard()), KeyCommands(person.command))
            elif port is None:
                console.print("No terminal, no --script, no --random, no --udp-port: the hand rests.")
        result = _stream(amplifier, seconds, stop, keys, news, console)
    console.print(
        f"Sent {result.samples} samples in {result.chunks} chunks; {result.late_chunks} left late "
        f"(worst {result.worst_late_s * 1e3:.1f} ms)"
    )
    if port is not None:
        console.print(f"Commands: {port.good} taken, {port.bad} bad")


def _stream(
    amplifier: VirtualAmplifier,
    seconds: float | None,
    stop: threading.Event,
    keys: tuple[Keyboard, KeyCommands] | None,
    news: deque[str],
    console: Console,
) -> PaceResult:
    """Stream on a thread of its own, so that neither keys nor a slow terminal delay a chunk."""
    done: list[PaceResult | BaseException] = []

    def work() -> None:
        try:
            done.append(amplifier.run(seconds=seconds, stop=stop))
        except BaseException as exc:  # raised below, where the program waits
            done.append(exc)

    thread = threading.Thread(target=work, name="handdt-simulate")
    thread.start()
    try:
        while thread.is_alive():
            if keys is None:
                stop.wait(LOOK_S)
            else:
                keyboard, commands = keys
                for key in keyboard.read(LOOK_S):
                    before = (commands.label, commands.force)
                    if not commands.press(key):
                        stop.set()
                    elif (commands.label, commands.force) != before:
                        news.append(f"           told: {title(commands.label)}, force {commands.force:.1f}")
            while news:
                console.print(news.popleft())
            if stop.is_set():
                thread.join()
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
