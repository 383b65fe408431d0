"""Every test: no display, no network, an LSL session of its own, no thread left behind."""

from __future__ import annotations

import os
import signal
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before anything imports Qt or LSL; child processes inherit both.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["RT_HANDDT_LSL_SESSION"] = f"test-{uuid.uuid4().hex[:12]}"

# A shell starts what runs in the background with Ctrl-C ignored, nohup with hang-ups, and tests of them would wait for
# nothing: child processes ignore what this one does.
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
for _number in SIGNALS:
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL)

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real recordings beside the checkout; tests that need it are skipped where it is absent."""
    path = ROOT.parent / "shared" / "data"
    if not path.is_dir():
        pytest.skip("the real recordings (../shared/data) are not here")
    return path


@pytest.fixture(scope="session")
def lsl() -> None:
    """LSL set up for this process: this computer only, a session id of its own."""
    from rt_handdt.io import lsl as module

    module.configure()


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    """A command that ran in this process has left them ignored, as it may where the process ends."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before and thread.is_alive()]
    for thread in left:
        thread.join(timeout=2.0)
    left = [thread.name for thread in left if thread.is_alive() and thread.name.startswith(("handdt", "replay"))]
    assert not left, f"threads left running: {left}"
