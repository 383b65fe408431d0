"""The trainer's house: rooms and names. (That imports point one way is import-linter's to say.)"""

from collections import Counter
from pathlib import Path

import offline

ROOT = Path(offline.__file__).parent


def test_few_files_at_the_root_and_no_module_named_like_another():
    names = Counter(path.stem for path in ROOT.rglob("*.py") if not path.stem.startswith("__"))
    assert len(list(ROOT.glob("*.py"))) <= 3
    assert [name for name, count in names.items() if count > 1] == []
