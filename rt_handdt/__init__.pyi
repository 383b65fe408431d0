# For type checkers, which cannot follow `__getattr__`.
from rt_handdt.api import *  # noqa: F403

__version__: str
