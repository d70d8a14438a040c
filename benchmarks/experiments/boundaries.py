"""Where does a message end?

Question
    ann sends three messages. Does bob receive three, and each of them whole?

Why it matters
    `send` and `recv` look as if they came in pairs. Over TCP they do not: it carries bytes, and what one `recv` returns
    has to do with time and with buffers, not with messages. Over UDP they do, and only there.

Prediction
    ann sends "twenty", "tiny" and "tigers", one after the other, through a server without framing. bob's program was
    busy for a moment; now it calls recv, once. What does it get?

Method
    Three things on one machine. ann sends three texts in a row to somebody who looks away for a moment. She sends texts
    in Cyrillic of 201 to 3,001 bytes, over a server that decodes what each recv(1024) has returned, and over those that
    decode a message when all of it is there. And a datagram of 3,000 bytes, with another one behind it, meets a
    receiver with a smaller buffer.

Expected
    Without framing recv returns `twentytinytigers` (RFC 9293: TCP conveys a stream of bytes; seen in the naive server
    of the course). A Cyrillic letter has two bytes in UTF-8: from 1,025 bytes on the cut of recv(1024) goes through
    one, and decoding half of it fails. Of a datagram recv(1024) returns 1,024 bytes, and the rest is gone (POSIX, recv:
    the excess bytes shall be discarded). tcp/ and udp/ deliver three, whole.

What would change it
    A pause between the sends. An odd number of bytes in front of the letters. MSG_TRUNC of recvmsg says that a datagram
    was cut; Windows raises an error instead.
"""

from collections.abc import Sequence

from benchmarks.contestants.naive.driver import Faulty
from benchmarks.contestants.naive.faults import DECODE_PER_RECV, NO_FRAMING
from benchmarks.contestants.naive.room import room
from benchmarks.contestants.naive.stream import RECV_SIZE
from benchmarks.contestants.naive.trials import WORDS, Seen, arrives, no_framing, repeat
from benchmarks.drivers import DRIVERS, Driver
from benchmarks.echo.cut import Cut, cut
from benchmarks.estimate import wilson
from benchmarks.labbook import finding, lines
from benchmarks.labbook.chart import Curves, Panel
from benchmarks.labbook.experiment import Cell, Choice, Expected, Experiment, Finding, Outcome
from benchmarks.labbook.finding import Words
from benchmarks.labbook.lab import Lab

LENGTHS = (201, 601, 1001, 1023, 1025, 1401, 2001, 3001)
"""Bytes of the texts: a letter of one byte, and so many of two."""

DATAGRAM = 3000
BUFFERS = (512, 1024, 2048, 4096)
"""Bytes of the datagram that is received, and of the buffers it is received into."""

NAIVE, RIGHT = "naive", "naive, right"

STREAM = Words(
    expected=Expected(100, 100, "RFC 9293: a stream of bytes"),
    because="recv returns what is there, and all three were.",
    unless="They were so far apart that bob's program was quicker: is this machine busy?",
)
FRAMED = Words(
    expected=Expected(0, 0, "its messages have ends"),
    because="A newline, a length or a datagram says where each ends, however many there are.",
    unless="bob was not sent all three within the time: is this machine busy?",
)
"""What is said of three texts that became one, without and with framing."""

HALF = Words(
    expected=Expected(0, 0, f"byte {RECV_SIZE:,} is half a letter"),
    because="UTF-8 has two bytes for such a letter, and one of them came with the next recv.",
    unless="The server's recv returned less than there was to come: is this machine busy?",
)
WHOLE = Words(
    expected=Expected(100, 100, "no letter is cut before it is decoded"),
    because="What is decoded is a whole message, so it has only whole letters.",
    unless="The server's recv returned less than there was to come: is this machine busy?",
)
"""What is said of texts of which recv returns a part, and of others."""

Texts = dict[tuple[str, int], list[bool]]
"""By server and bytes: whether each text arrived."""


def run(lab: Lab) -> Outcome:
    """One after the other."""
    repeats = lab.pick(10, 2)
    glued: dict[str, Seen] = {}
    for name, driver in _servers(NO_FRAMING).items():
        with lab.stage(f"three texts, {name}") as stage:
            glued[name] = repeat(no_framing, stage, driver, repeats)
    texts: Texts = {}
    for name, driver in _servers(DECODE_PER_RECV).items():
        with lab.stage(f"Cyrillic, {name}") as stage, room(stage, driver) as here:
            bob = here.join()
            for length in LENGTHS * repeats:
                ann = here.join()
                here.settle()
                text = "a" + "ж" * (length // 2)
                texts.setdefault((name, length), []).append(arrives(here, ann, bob, text))
                ann.leave()
    return outcome(glued, texts, [cut(DATAGRAM, buffer) for buffer in BUFFERS * repeats])


def _servers(fault: str) -> dict[str, Driver]:
    """Those that are compared, by name."""
    return {NAIVE: Faulty({fault}), RIGHT: Faulty(set())} | {name: DRIVERS[name] for name in ("tcp", "udp")}


def outcome(glued: dict[str, Seen], texts: Texts, cuts: Sequence[Cut]) -> Outcome:
    """What they say."""
    return Outcome(
        findings=[*_glued(glued), *_halves(texts), *_cut(cuts)],
        said=_said(glued, texts, cuts),
        columns=["what", "server", "bytes", "try", "result"],
        rows=_rows(glued, texts, cuts),
        charts=[_chart(texts)],
        table=_table(glued, texts),
        answer=_answer(glued[NAIVE]),
        conditions=[
            ("network", "loopback"),
            ("tries", f"{len(glued[NAIVE].tries)} of each"),
            ("recv of the naive server", f"{RECV_SIZE:,} bytes"),
        ],
    )


def _rows(glued: dict[str, Seen], texts: Texts, cuts: Sequence[Cut]) -> list[list[Cell]]:
    size = sum(map(len, WORDS))
    rows: list[list[Cell]] = [
        ["three texts", name, size, number, one.shown]
        for name, seen in glued.items()
        for number, one in enumerate(seen.tries, 1)
    ]
    for (name, length), those in texts.items():
        rows += [["cyrillic", name, length, number, int(arrived)] for number, arrived in enumerate(those, 1)]
    return rows + [["datagram", "", one.buffer, number, one.returned] for number, one in enumerate(cuts, 1)]


def _usual(seen: Seen) -> str:
    """What bob was shown most often, a | between two messages."""
    shown = [one.shown for one in seen.tries]
    return max(set(shown), key=shown.count)


def _answer(seen: Seen) -> int | None:
    return {WORDS[0]: 0, "".join(WORDS): 1, " | ".join(WORDS): 2}.get(_usual(seen))


def _glued(glued: dict[str, Seen]) -> list[Finding]:
    return [
        finding.portion(
            f"glued-{name.replace(', ', '-')}",
            f"{name}: three texts became one",
            seen.wrong,
            len(seen.tries),
            "trials",
            **(STREAM if name == NAIVE else FRAMED),
        )
        for name, seen in glued.items()
    ]


def _halves(texts: Texts) -> list[Finding]:
    found = []
    for name in dict.fromkeys(name for name, _ in texts):
        short, long = _arrived(texts, name, long=False), _arrived(texts, name, long=True)
        slug, what = f"cyrillic-{name.replace(', ', '-')}", f"{name}: Cyrillic"
        if name == NAIVE:
            limit = f"{RECV_SIZE:,} bytes"
            found += [
                _whole(slug, f"{what} of up to {limit} arrived", short, WHOLE),
                _whole(f"{slug}-long", f"{what} of over {limit} arrived", long, HALF),
            ]
        else:
            found.append(_whole(slug, f"{what} arrived", short + long, WHOLE))
    return found


def _whole(name: str, what: str, arrived: list[bool], words: Words) -> Finding:
    return finding.portion(name, what, sum(arrived), len(arrived), "texts", **words)


def _arrived(texts: Texts, name: str, *, long: bool) -> list[bool]:
    """Whether texts arrived over this server: those that fit into one `recv`, or those that are too `long`."""
    return [
        arrived
        for (server, length), those in texts.items()
        for arrived in those
        if server == name and (length > RECV_SIZE) == long
    ]


def _small(cuts: Sequence[Cut]) -> list[Cut]:
    """Those whose buffer was smaller than the datagram."""
    return [one for one in cuts if one.buffer < DATAGRAM]


def _cut(cuts: Sequence[Cut]) -> list[Finding]:
    return [
        finding.repeats(
            "datagram",
            f"recv({RECV_SIZE}) of a datagram of {DATAGRAM:,}",
            "bytes",
            [float(one.returned) for one in cuts if one.buffer == RECV_SIZE],
            "datagrams",
            expected=Expected(RECV_SIZE, RECV_SIZE, "POSIX, recv: the excess bytes shall be discarded"),
            because="A recv takes one datagram, whatever fits of it.",
        ),
        finding.portion(
            "next",
            "the next recv returned the next datagram",
            sum(one.next for one in _small(cuts)),
            len(_small(cuts)),
            "datagrams",
            expected=Expected(100, 100, "the same"),
            because="What did not fit is not kept for later: over UDP a message ends with its datagram.",
        ),
    ]


def _said(glued: dict[str, Seen], texts: Texts, cuts: Sequence[Cut]) -> list[str]:
    naive = glued[NAIVE]
    said = []
    if naive.wrong:
        said.append(
            f"Without framing bob was shown {_usual(naive)!r} where three texts had been sent, or some such, in "
            f"{naive.wrong} of {len(naive.tries)} tries: nobody can take them apart again."
        )
    lost = sorted({length for (name, length), those in texts.items() if name == NAIVE and not any(those)})
    if lost:
        said.append(
            f"In Cyrillic every text of {lost[0]:,} bytes and more was lost over the server that decodes what a recv "
            "returned, and its author was thrown out. In English, where a letter is a byte, nobody would have noticed."
        )
    small = _small(cuts)
    told = sum(one.cut for one in small)
    said.append(
        f"A datagram of {DATAGRAM:,} bytes lost its end in {len(small)} of {len(small)} buffers that were smaller, "
        f"without an error; the kernel notes it in a flag ({told} times), which recv does not return."
        if all(one.returned == one.buffer for one in small)
        else "Not every datagram was cut to the size of its buffer: see the data."
    )
    return said


def _table(glued: dict[str, Seen], texts: Texts) -> list[list[str]]:
    rows = [["server", "bob was shown", f"Cyrillic up to {RECV_SIZE:,} B", f"over {RECV_SIZE:,} B"]]
    for name, seen in glued.items():
        counts = [
            f"{sum(those)} of {len(those)}"
            for those in (_arrived(texts, name, long=long) for long in (False, True))
        ]
        rows.append([name, _usual(seen), *counts])
    return rows


def _chart(texts: Texts) -> Curves:
    places = range(len(LENGTHS))
    series = []
    for name in dict.fromkeys(name for name, _ in texts):
        those = [texts[name, length] for length in LENGTHS]
        series.append(lines.shares(name, name, places, [wilson(sum(one), len(one)) for one in those]))
    ticks = lines.ticks([f"{length:,}" for length in LENGTHS])
    return Curves(
        "boundaries",
        "How many texts in Cyrillic arrived whole, by their length; bars are 95 % intervals. What is decoded per recv "
        f"is lost as soon as a recv, of {RECV_SIZE:,} bytes, ends in the middle of a letter.",
        [Panel("Texts that arrived", "bytes of the text", "%", series, ticks=ticks)],
    )


EXPERIMENT = Experiment(
    name="boundaries",
    ask=Choice(
        "what does bob get from one recv?",
        ("twenty", "twentytinytigers", "three messages"),
    ),
    seconds=(10, 3),
    run=run,
    link=False,
    think=(
        "A newline ends a message of the naive server, a length precedes one in tcp/framing.py. What can't each carry?",
        "Why does udp/server.py ask recvfrom for 65,536 bytes, although no message of it may have more than 16,384?",
    ),
)
