"""Columns of streams and files, as people write them."""

from __future__ import annotations

from rt_handdt.core.columns import columns_text, parse_columns

__all__ = ["columns_text", "parse_columns"]
