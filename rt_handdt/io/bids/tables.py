"""Tables of BIDS: TSV with a head, ``n/a`` where a value is missing."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rt_handdt.errors import RecordingError

MISSING = "n/a"


def read_tsv(path: Path) -> list[dict[str, str]]:
    """Rows by column; missing values are "".

    Raises
    ------
    RecordingError
        If it cannot be read, or a row has other columns than the head.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file, delimiter="\t") if any(field.strip() for field in row)]
    except (OSError, UnicodeDecodeError) as exc:
        raise RecordingError(f"{path}: cannot be read ({exc}).") from None
    if not rows:
        return []
    head = [name.strip() for name in rows[0]]
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(head):
            raise RecordingError(
                f"{path}: row {number} has {len(row)} columns, its head {len(head)}; mend the row (tabs part columns)."
            )
    plain = [[("" if field.strip() == MISSING else field.strip()) for field in row] for row in rows[1:]]
    return [dict(zip(head, row, strict=True)) for row in plain]


def write_tsv(path: Path, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a table."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(head)
        writer.writerows([[MISSING if value in (None, "") else value for value in row] for row in rows])


def read_json(path: Path) -> dict[str, Any]:
    """A side-car.

    Raises
    ------
    RecordingError
        If it is no JSON object.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as exc:
        raise RecordingError(f"{path}: cannot be read as JSON ({exc}); mend it.") from None
    if not isinstance(found, dict):
        raise RecordingError(f"{path}: must be a JSON object.")
    return found
