"""An evaluation on the screen: one table."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from offline.evaluate.scores import Evaluation
from rt_handdt.core.metrics import accuracy, balanced_accuracy

#: So many columns the table takes with all methods; narrower screens fold it.
WIDTH = 100
LEGEND = "Accuracy and balanced accuracy (mean recall) over windows."


def evaluation_table(found: Evaluation, heading: str) -> Table:
    """A row a subject, a column a method, and mean ± standard deviation over subjects."""
    shown = [method for method in found.methods if method not in found.unavailable]
    said = [LEGEND, *(f"{method.title}: {method.about}." for method in shown)]
    table = Table(
        title=escape(heading),
        caption=escape(" ".join(said)),
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 0),
        show_footer=True,
    )
    several = len(found.subjects) > 1
    table.add_column("Subject", footer="mean\n± sd\nlowest" if several else "", overflow="fold")
    table.add_column("Windows", justify="right")
    for method in shown:
        footer = ""
        if several:
            plain, balanced = found.spread(method), found.spread(method, balanced=True)
            footer = "\n".join(
                f"{_number(getattr(plain, name))} {_number(getattr(balanced, name))}"
                for name in ("mean", "sd", "lowest")
            )
        table.add_column(method.title, footer=footer, justify="right")
    for one in found.subjects:
        cells = [
            f"{_number(accuracy(one.confusions[method]))} {_number(balanced_accuracy(one.confusions[method]))}"
            if method in one.confusions
            else "–"
            for method in shown
        ]
        table.add_row(escape(one.subject), str(one.windows), *cells)
    return table


def _number(value: float) -> str:
    return f"{value:.3f}" if value == value else "–"
