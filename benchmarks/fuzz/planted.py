"""Does the search find anything at all? A copy of the lab with a fault in it that none of the examples shows.

An instrument that finds nothing is either right or broken. `python -m benchmarks.fuzz --planted` searches a copy
that has forgotten that not all bytes are UTF-8, and fails if that is not found.
"""

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

FORGETS = ("except UnicodeDecodeError", "except UnicodeEncodeError")
"""What stands in `common/messages.py`, and what stands there in the copy."""


def plant(folder: Path) -> None:
    """Put a copy of the lab with the fault into `folder`, as far as the search needs it."""
    for name in ("benchmarks", "common", "tcp"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("results", "__pycache__"))
    messages = folder / "common" / "messages.py"
    right, wrong = FORGETS
    text = messages.read_text(encoding="utf-8")
    assert text.count(right) == 1
    messages.write_text(text.replace(right, wrong), encoding="utf-8")
