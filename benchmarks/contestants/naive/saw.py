"""What a user saw of each fault, in words made of what the trials counted."""

from benchmarks.contestants.naive import faults
from benchmarks.contestants.naive.trials import ROUNDS, SEVERAL, WORDS, Seen


def _usual(seen: Seen, name: str) -> str:
    """A figure, as it was usually."""
    return f"{seen.usually(name) or 0:,.0f}"


def _went_on(seen: Seen) -> str:
    """How often a room that had stood still went on."""
    return f"{sum(seen.figures('went on')):.0f} of {seen.wrong} times"


SAW = {
    faults.NO_FRAMING: lambda seen: (
        f"somebody who looked away for a moment was shown {_usual(seen, 'messages')} message instead of "
        f"{len(WORDS)}: {seen.shown}"
    ),
    faults.DECODE_PER_RECV: lambda seen: (
        f"a text in Cyrillic reached nobody, and {sum(seen.figures('thrown out')):.0f} times its author was thrown out "
        f"({seen.shown or 'nothing in the log'})"
    ),
    faults.SEND_FOR_SENDALL: lambda seen: (
        f"somebody who looked away got {_usual(seen, 'whole')} of {SEVERAL} long texts whole, and no error anywhere"
    ),
    faults.NO_LOCK: lambda seen: (
        f"two people read one conversation in two orders ({_usual(seen, 'out of step')} messages stood elsewhere, in "
        f"round {_usual(seen, 'rounds')} of up to {ROUNDS})"
    ),
    faults.BLOCKING_SEND: lambda seen: (
        f"everybody stood still once {(seen.usually('bytes') or 0) / 1e6:.1f} MB waited for one who did not read; when "
        f"he left, it went on ({_went_on(seen)})"
    ),
    faults.HELLO_IN_ACCEPT: lambda seen: (
        "nobody came in while one who had connected said nothing; when he left, the next one did "
        f"({_went_on(seen)})"
    ),
    faults.IGNORE_EOF: lambda seen: (
        f"the server took {100 * (seen.usually('share') or 0):.0f} % of a processor for nothing once somebody had left"
    ),
    faults.CHANGE_WHILE_ITERATING: lambda seen: (
        f"somebody missed {_usual(seen, 'missed')} message of {_usual(seen, 'heard')}: the one at which his "
        "neighbour in the list was dropped"
    ),
    faults.LOCK_TWICE: lambda seen: (
        f"everybody stood still after {_usual(seen, 'texts')} messages, when somebody was to be dropped, and it went "
        f"on when he left {_went_on(seen)}"
    ),
}
"""What a user saw, by fault: the rest of a sentence."""
