"""What a check found: a state, a sentence, and a remedy where one is needed."""

import enum
from dataclasses import dataclass


class State(enum.Enum):
    """How a check went."""

    OK = "ok"
    BETTER = "can be better"
    MISSING = "missing"


@dataclass(frozen=True)
class Finding:
    """What a check found; `remedy`, a command or a setting, is empty where none is needed. `optional`: only the
    emulated network needs it."""

    name: str
    state: State
    found: str
    remedy: str = ""
    optional: bool = False
