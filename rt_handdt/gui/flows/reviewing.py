"""A recording that is looked at from end to end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rt_handdt.errors import sentence_of
from rt_handdt.gui.flows.flow import Ending, Flow, Host

if TYPE_CHECKING:
    from rt_handdt.gui.review.page import ReviewPage


class ReviewFlow(Flow):
    """Shows a recording, with a model that decides it where nothing was decided."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.page: ReviewPage | None = None

    def begin(self, path: str, bundle: Path, profile: Path | None = None) -> None:
        """Open the recording."""
        from rt_handdt.gui.review.page import ReviewPage
        from rt_handdt.runtime.review_run import ReviewRun

        self._host.enter(self)
        run = ReviewRun(path, bundle, profile=profile)
        self.page = ReviewPage(run, Path(path).name, leave="start page")
        self.page.closed.connect(self._closed)
        self._host.show_page(self.page)
        self.page.start()

    def look(self) -> None:
        """The page follows by itself."""

    def _closed(self) -> None:
        if self.page is not None:
            error = self.page.error
            self._host.back("" if error is None else sentence_of(error))

    def end(self) -> list[Ending]:
        """Read no more."""
        page, self.page = self.page, None
        if page is None:
            return []
        page.close()
        self._host.drop_page(page)
        return [page.run]
