"""The ways in which decisions leave the program, one file each."""

from __future__ import annotations

from rt_handdt.io.sinks.parsing import SINKS, parse_sink, parse_sinks

__all__ = ["SINKS", "parse_sink", "parse_sinks"]
