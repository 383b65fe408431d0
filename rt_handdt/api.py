"""The public names of the package, each from the module that defines it.

`rt_handdt` imports them from here when they are first used: so ``import rt_handdt`` is quick, and brings neither LSL
nor ONNX Runtime along until somebody asks for them.
"""

from __future__ import annotations

from rt_handdt.core.bundle import Bundle
from rt_handdt.core.bundle import load_bundle as load
from rt_handdt.core.dof import DofPair
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.metrics import WindowScore
from rt_handdt.core.profile import Profile
from rt_handdt.core.recording import ArrayRecording, Marker, Recording
from rt_handdt.core.types import Chunk, Decision
from rt_handdt.errors import (
    BundleError,
    ConfigError,
    HanddtError,
    LayoutError,
    LayoutMismatch,
    RecordingError,
    SinkError,
    StreamError,
)
from rt_handdt.infer.calibrated import CalibrationReport
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.io.description import StreamDescription
from rt_handdt.io.lsl import clock
from rt_handdt.io.lsl import configure as configure_lsl
from rt_handdt.io.message import Message
from rt_handdt.io.polled_source import PolledSource
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.sink import About, Sink, SinkSettings
from rt_handdt.io.sinks.base import ConfiguredSink
from rt_handdt.io.sinks.file import FileSink
from rt_handdt.io.sinks.hand_ability import AbilityHandSink
from rt_handdt.io.sinks.hand_serial import SerialHandSink
from rt_handdt.io.sinks.lsl import LslSink
from rt_handdt.io.sinks.osc import OscSink
from rt_handdt.io.sinks.serial import SerialSink
from rt_handdt.io.sinks.udp import UdpSink
from rt_handdt.io.sinks.websocket import WebsocketSink
from rt_handdt.io.source import Source
from rt_handdt.io.sources import open_recording
from rt_handdt.runtime.evaluation import Scores, evaluate
from rt_handdt.runtime.live_engine import LiveEngine
from rt_handdt.runtime.lsl_source import LslSource
from rt_handdt.runtime.snapshot import Snapshot
from rt_handdt.runtime.status import State, Status

__all__ = [
    "AbilityHandSink",
    "About",
    "ArrayRecording",
    "Bundle",
    "BundleError",
    "CalibrationReport",
    "Chunk",
    "ConfigError",
    "ConfiguredSink",
    "Decision",
    "DofPair",
    "ElectrodeLayout",
    "FileSink",
    "HanddtError",
    "LayoutError",
    "LayoutMismatch",
    "LiveEngine",
    "LslSink",
    "LslSource",
    "Marker",
    "Message",
    "OscSink",
    "PolledSource",
    "Profile",
    "Recording",
    "RecordingError",
    "Scores",
    "SerialHandSink",
    "SerialSink",
    "SignalChoice",
    "Sink",
    "SinkError",
    "SinkSettings",
    "Snapshot",
    "Source",
    "State",
    "Status",
    "StreamClassifier",
    "StreamDescription",
    "StreamError",
    "UdpSink",
    "WebsocketSink",
    "WindowScore",
    "clock",
    "configure_lsl",
    "evaluate",
    "load",
    "open_recording",
]
