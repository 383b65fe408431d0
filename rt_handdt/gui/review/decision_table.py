"""Decisions of a review as a table."""

from __future__ import annotations

import csv
import io

from rt_handdt.runtime.review import Review


def decision_table(review: Review) -> str:
    """CSV: one line a decision, with the cue of the moment; times in s from the recording's first sample."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(
        [
            *("time", "sample", "cue", "label", "confidence", "rejected", "level", "state", "code"),
            *(f"p_{label}" for label in review.labels),
        ]
    )
    told = review.decided
    for k, sample in enumerate(told.index.tolist()):
        out.writerow(
            [
                f"{sample / review.fs_hz:.6f}",
                sample,
                review.cue(sample) or "",
                told.label[k],
                f"{told.confidence[k]:.4f}",
                int(told.rejected[k]),
                f"{told.level[k]:.4f}",
                told.state[k].value,
                told.reason[k],
                *(f"{one:.4f}" for one in told.probabilities[k].tolist()),
            ]
        )
    return text.getvalue()
