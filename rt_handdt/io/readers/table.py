"""Tables of text: CSV, TSV."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rt_handdt.core.recording import Recording
from rt_handdt.core.types import Float32
from rt_handdt.errors import RecordingError
from rt_handdt.io.description import shown
from rt_handdt.io.readers.described import DescribedFile, described_recording
from rt_handdt.io.readers.facts import TableFacts, facts_beside, read_facts
from rt_handdt.io.signal_choice import SignalChoice

_AT_ONCE = 20_000
_WORDY = re.compile(r"[^\W\d_eE]{2,}")
_DECIMAL = re.compile(r"[-+]?\d+,\d+(?:[eE][-+]?\d+)?")
_MISSING = frozenset({"", "nan", "na", "n/a", "null", "none", "-"})


class TableReader(DescribedFile):
    """One row a sample, one column an electrode; rate and unit stand in a TOML beside it."""

    name = "CSV"
    suffixes = (".csv", ".tsv", ".txt")

    def fits(self, path: Path) -> bool:
        """By its ending; what may be something else (notes, side-cars of BIDS) only with its TOML."""
        named = super().fits(path)
        return named and (path.suffix.casefold() == ".csv" or facts_beside(path) is not None)

    def open(self, path: Path, choice: SignalChoice) -> Recording:
        """See `Reader`."""
        facts = read_facts(path)
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                return _read(path, facts, (line.strip("\r\n") for line in file), choice)
        except UnicodeDecodeError:
            raise RecordingError(f"{path}: is no table of text in UTF-8; export it again as CSV.") from None
        except OSError as exc:
            raise RecordingError(f"{path}: cannot be read ({exc.strerror or exc}).") from None


def _read(path: Path, facts: TableFacts, lines: Iterator[str], choice: SignalChoice) -> Recording:
    rows: Iterator[str] = (line for line in lines if line.strip() and not line.lstrip().startswith("#"))
    first = next(rows, None)
    if first is None:
        raise RecordingError(f"{path}: is empty.")
    second = next(rows, first)
    alone = second is first
    separator = facts.separator or _separator(first if _WORDY.search(first) is None else second)
    if separator == " ":  # aligned columns: as many of them as it takes
        first, second, rows = _single(first), _single(second), map(_single, rows)
    decimal = facts.decimal or ("," if separator != "," and "," in second and "." not in second else ".")
    head = [one.strip().strip('"') for one in first.split(separator)]
    has_head = any(_number(one, decimal) is None for one in head) and not _looks_like(first, second, separator, decimal)
    body = itertools.chain([second] if has_head else [first] if alone else [first, second], rows)
    names = list(head) if has_head else [""] * len(head)
    label = _label_column(path, facts, names)
    numbers: list[Float32] = []
    labels: list[str] = []
    n_columns = len(head)
    wanted = [k for k in range(n_columns) if k != label]
    line_number = 1 + has_head
    while batch := list(itertools.islice(body, _AT_ONCE)):
        if label is not None:
            labels += [_field(path, line, separator, label, line_number + k) for k, line in enumerate(batch)]
        numbers.append(_numbers(path, batch, separator, decimal, wanted, n_columns, line_number))
        line_number += len(batch)
    samples = np.concatenate(numbers)
    return described_recording(path, facts, samples, [names[k] for k in wanted], wanted, labels, choice)


def _separator(line: str) -> str:
    """What parts a row's fields; a comma between digits of several fields is a decimal one."""
    for sign in ("\t", ";"):
        if sign in line:
            return sign
    parts = line.split()
    return " " if len(parts) > 1 and ("," not in line or all(_DECIMAL.fullmatch(one) for one in parts)) else ","


def _single(line: str) -> str:
    return " ".join(line.split())


def _number(text: str, decimal: str) -> float | None:
    plain = text.strip().strip('"').replace(decimal, ".")
    if plain.casefold() in _MISSING:
        return float("nan")
    try:
        return float(plain)
    except ValueError:
        return None


def _looks_like(first: str, second: str, separator: str, decimal: str) -> bool:
    """Whether the first row has words only where the second has: a column of labels, and no head."""
    words = [[_number(one, decimal) is None for one in line.split(separator)] for line in (first, second)]
    return words[0] == words[1] and not all(words[0])


def _label_column(path: Path, facts: TableFacts, names: list[str]) -> int | None:
    if facts.label is None:
        return None
    if isinstance(facts.label, int):
        if not 0 <= facts.label < len(names):
            raise RecordingError(f"{path}: has {len(names)} columns, so column {facts.label} cannot hold the labels.")
        return facts.label
    if facts.label not in names:
        there = ", ".join(f"'{shown(one)}'" for one in names[:8] if one) or "no names"
        raise RecordingError(f"{path}: has no column '{shown(facts.label)}' with labels; there are {there}.")
    return names.index(facts.label)


def _field(path: Path, line: str, separator: str, column: int, number: int) -> str:
    fields = line.split(separator)
    if column >= len(fields):
        raise RecordingError(f"{path}: row {number} has {len(fields)} columns, and none with a label.")
    return fields[column].strip().strip('"')


def _numbers(
    path: Path, batch: list[str], separator: str, decimal: str, wanted: list[int], n_columns: int, first: int
) -> Float32:
    plain = [line.replace(decimal, ".") for line in batch] if decimal != "." else batch
    try:  # at C speed, where nothing is missing or quoted
        found = np.loadtxt(plain, np.float32, delimiter=separator, usecols=wanted, ndmin=2, comments=None)
        if all(line.count(separator) == n_columns - 1 for line in batch):
            return found
    except ValueError:
        pass
    rows = np.empty((len(batch), len(wanted)), np.float32)
    for k, line in enumerate(batch):
        fields = line.split(separator)
        if len(fields) != n_columns:
            raise RecordingError(
                f"{path}: row {first + k} has {len(fields)} columns, the first has {n_columns}; a row was cut short, "
                "or the separator is another (separator = …)."
            )
        for j, column in enumerate(wanted):
            value = _number(fields[column], decimal)
            if value is None:
                raise RecordingError(
                    f"{path}: row {first + k}, column {column} (counted from 0) is '{shown(fields[column])}', "
                    "and no number."
                )
            rows[k, j] = value
    return rows
