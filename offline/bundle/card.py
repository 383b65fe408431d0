"""CARD.md: what people should know before they use a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rt_handdt.core.bundle import BundleManifest
from rt_handdt.core.gestures import title
from rt_handdt.core.metrics import Confusion, accuracy, balanced_accuracy

VIRTUAL = (
    "**The people it learned from are simulated.** It is for the demo and for tests. For real use, train on Hyser or "
    "on your own recordings: `handdt-offline train --data PATH --layout FILE --out DIR`."
)
ONE_PERSON = (
    "It knows one person with the electrodes worn as in the recordings. For somebody else, or after the electrodes "
    "have moved, record and train again."
)
MANY_PEOPLE = (
    "It fits people who wear the same electrodes in the same places as those it was trained on. Check it on your own "
    "recordings before you rely on it."
)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a card says of the data.

    Attributes
    ----------
    data
        One line: where the recordings came from.
    virtual
        Whether the people were simulated.
    """

    data: str
    virtual: bool


@dataclass(frozen=True)
class CardText:
    """What a card says that the manifest does not.

    Attributes
    ----------
    trained_on
        Items, each with its full stop.
    scored
        Which samples the scores are of, and what to know of them.
    counts
        (K, K) row = true, column = named.
    unit
        What was counted: ``"windows"``, ``"trials"``.
    use
        Paragraphs.
    """

    trained_on: Sequence[str]
    scored: str
    counts: Confusion
    unit: str
    use: Sequence[str]


def render_card(manifest: BundleManifest, text: CardText) -> str:
    """The card as Markdown."""
    spec, labels, counts = manifest.spec, manifest.gestures, text.counts
    total = counts.sum(axis=1)
    recall = [f"{n / k:.3f}" if k else "–" for n, k in zip(np.diag(counts), total, strict=True)]
    lines = [
        f"# {manifest.name}",
        "",
        f"Tells {len(labels)} classes apart from {spec.layout.n_channels} electrodes "
        f"(layout `{spec.layout.name}`) at {spec.fs_hz:g} Hz, {spec.window_s * 1e3:g} ms windows every "
        f"{spec.hop_samples / spec.fs_hz * 1e3:g} ms.",
        "",
        "## Trained on",
        "",
        *(f"- {item}" for item in text.trained_on),
        "",
        "## Scores",
        "",
        text.scored,
        "",
        f"| accuracy | balanced accuracy | {text.unit} |",
        "|---|---|---|",
        f"| {accuracy(counts):.3f} | {balanced_accuracy(counts):.3f} | {int(counts.sum())} |",
        "",
        "| class | recall |",
        "|---|---|",
        *(f"| {title(label)} | {value} |" for label, value in zip(labels, recall, strict=True)),
        "",
        "## Use",
        "",
        "\n\n".join(text.use),
        "",
        "It is a research tool and no medical device.",
        "",
    ]
    return "\n".join(lines)
