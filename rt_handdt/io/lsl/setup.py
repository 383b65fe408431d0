"""How far LSL looks, set once a process; its clock, and what inlets and outlets have in common."""

from __future__ import annotations

import os
import re

import pylsl

from rt_handdt.errors import StreamError
from rt_handdt.io.description import shown

COUNTER = "COUNTER"
COUNTER_MODULUS = 65536
#: An inlet remembers this much, should the program stall; older samples are lost, and the loss is counted.
BUFFER_S = 60
#: A stream that was found gets this long to answer; measuring its clock alone can take most of a second.
ANSWER_S = 5.0
SESSION_VARIABLE = "RT_HANDDT_LSL_SESSION"

_configured: str | None = None


def configure(*, network: bool = False, session: str | None = None) -> None:
    """Choose, once per process and before any other LSL call, how far streams are looked for and shown.

    Parameters
    ----------
    network
        False: this computer only (nothing is sent to a network). True: LSL's own configuration, which by default
        finds streams on the local network.
    session
        LSL session id; streams of different ids do not see each other. Default: the environment variable
        ``RT_HANDDT_LSL_SESSION``, else LSL's own default.
    """
    global _configured
    session = session or os.environ.get(SESSION_VARIABLE) or "default"
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", session):  # it goes into LSL's configuration, and into its questions
        raise StreamError(
            f"The LSL session '{shown(session)}' must be of letters, digits, '.', '-' and '_' only, at most 100; "
            f"choose another, or unset {SESSION_VARIABLE}."
        )
    wanted = f"network={network} session={session}"
    if _configured is not None:
        if _configured != wanted:
            raise StreamError(
                f"LSL is set up once per process: it runs with {_configured}, and {wanted} came too late; "
                "use a new process."
            )
        return
    lab = f"[lab]\nSessionID = {session}\n"
    if not network:
        content = (
            "[ports]\nIPv6 = disable\n"
            "[multicast]\nResolveScope = machine\nListenAddress = 127.0.0.1\nAddressesOverride = {127.0.0.1}\n"
            f"{lab}KnownPeers = {{127.0.0.1}}\n[log]\nlevel = -3\n"
        )
        pylsl.set_config_content(content)
    elif session != "default":
        pylsl.set_config_content(f"{lab}[log]\nlevel = -3\n")
    _configured = wanted


def leave_as_it_is() -> None:
    """Use LSL as this process has it: a library must not set up what belongs to its host."""
    global _configured
    if _configured is None:
        _configured = "what this process had chosen"


def clock() -> float:
    """LSL's clock of this computer, in s."""
    return float(pylsl.local_clock())


def ensure_configured() -> None:
    """Set LSL up as it is by default, if nobody has chosen."""
    if _configured is None:
        configure()
