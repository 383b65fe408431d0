"""What can go wrong, as exceptions whose text is fit to be shown to a user.

Every message says what is wrong, the rule it breaks, what came instead, and what to do next. The command line
prints the message alone (no traceback) and leaves with exit code 2.
"""

from __future__ import annotations


class HanddtError(Exception):
    """Base of every error that a user can cause and mend."""

    exit_code = 2


class ConfigError(HanddtError):
    """A configuration file or option is not valid."""


class LayoutError(HanddtError):
    """An electrode layout is not valid."""


class LayoutMismatch(HanddtError):
    """A stream or recording does not fit the layout and rate that a model was trained for."""


class RecordingError(HanddtError):
    """A recording on disk is missing, damaged, or not in the format it claims."""


class StreamError(HanddtError):
    """A live stream cannot be found, opened or trusted."""


class BundleError(HanddtError):
    """A model bundle is incomplete, altered, or of another version."""


class SinkError(HanddtError):
    """A receiver of decisions cannot be opened or has gone: a port, a device, a file."""


class DisplayError(HanddtError):
    """A window was asked for where none can be shown."""


def sentence_of(exc: BaseException) -> str:
    """What to tell a user of any exception: our own say it themselves, others need their kind before it.

    Examples
    --------
    >>> sentence_of(ConfigError("Mend it.")), sentence_of(ValueError("no"))
    ('Mend it.', 'ValueError: no')
    """
    return str(exc) if isinstance(exc, HanddtError) else f"{type(exc).__name__}: {exc}"
