"""What does a forged hello do?

Question
    A datagram's source address can be forged. What can somebody do to a third person with one hello of 63 bytes?

Why it matters
    A server that answers strangers with more than they sent is a weapon: who attacks sends little, in the victim's
    name, and the server sends much, to the victim. A chat is worse than most: a hello makes somebody a member, and
    members are sent whatever anybody says from then on.

Prediction
    Five members say 20 messages of 100 bytes a second. A server without an address check (who sends is in) is sent one
    hello in a victim's name. For each byte of that hello, how many bytes have come to the victim after 4 seconds?

Method
    Inside an emulated link, where we are root and may send any packet, three rooms talk at the same time. One is on
    this lab's server over UDP, which asks each address for a cookie; one on a server that relays to every address it
    has ever heard (benchmarks/contestants/floor_udp.py, a page of code); one on this lab's server over TCP. Bytes are
    those of whole packets, as the link captured them.

    An attacker sends each server one hello in the name of a victim, and to the first also ten a second in the name of
    another one. Over TCP that is a SYN, and half a second later a hello with guessed sequence numbers. The victim's
    kernel answers what it never asked for with a reset, which ends the attempt. A second victim of the TCP server
    answers nothing, like an address behind a firewall, or one that nobody has.

Expected
    With the check at most 3 bytes for each byte of the attacker, however often it tries: RFC 9000, section 8.1 (QUIC);
    RFC 6347, section 4.2.1 (DTLS), has the cookie. (RFC 9000 counts without headers; with them on both sides the ratio
    is nearer to 1.) And nothing of the room.

    Without it, all that a member gets: 128 bytes, 20 times a second, for as long as the room talks. Hundreds of times
    the hello in seconds, and in proportion to time.

    TCP shakes hands first, so no hello can be said: the number that the client must acknowledge goes to the victim. A
    SYN-ACK of 44 bytes answers a SYN of 40; to an address that does not answer it is repeated after 1, 3, 7, 15 and
    31 s (RFC 6298; net.ipv4.tcp_synack_retries of Linux is 5). That is more than 3 times the SYN, and then it ends.

What would change it
    A server that forgets who falls silent floods for that time only; ours would forget after 45 s. A larger room, or a
    busier one, is a larger weapon. A network that lets no forged addresses out (BCP 38, RFC 2827) disarms them all:
    this one forges within itself, and nothing of it leaves the machine.
"""

import math

from benchmarks.forgery.ends import HELLO, VICTIMS
from benchmarks.forgery.run import Attack, Plan
from benchmarks.forgery.run import run as attack_all
from benchmarks.forgery.toll import syn_acks
from benchmarks.labbook import finding, lines
from benchmarks.labbook.chart import Curves, Panel, Series
from benchmarks.labbook.experiment import Expected, Experiment, Finding, Number, Outcome
from benchmarks.labbook.lab import Lab
from benchmarks.link.account import problems
from benchmarks.wording import three_digits
from common import limits

EARLY = 4.0
"""Seconds after which the first sum is drawn, in any run."""

HEADERS = 28
"""Bytes of IP's and UDP's."""

CAPTURE = "forged-hello.pcapng"

NAMES = {
    "floor": "UDP, no check",
    "udp": "UDP, checked",
    "udp-again": "UDP, 10 hellos/s",
    "tcp": "TCP",
    "deaf": "TCP, silent",
}
"""What each victim is called."""


def run(lab: Lab) -> Outcome:
    """Attack all three servers at once, several times. The packets of the last time are kept."""
    attacks = []
    for repeat in range(1, lab.pick(3, 1) + 1):
        plan = Plan(seconds=lab.pick(12.0, 5.0))
        with lab.stage(f"repeat {repeat}") as here:
            made = attack_all(here, lab.place(repeat=repeat), plan, lab.directory / CAPTURE)
        lab.warnings += [one for one in problems(made.account.link or {}) if one not in lab.warnings]
        attacks.append(made)
    return outcome(attacks)


def outcome(attacks: list[Attack]) -> Outcome:
    """What these attacks show."""
    plan, last = attacks[-1].plan, attacks[-1]
    return Outcome(
        findings=_findings(attacks),
        said=_said(last),
        columns=["repeat", "victim", "seconds", "toward_victim", "bytes", "kind"],
        rows=[
            [number, name, packet.at, int(packet.toward), packet.size, packet.kind]
            for number, attack in enumerate(attacks, 1)
            for name, toll in attack.victims.items()
            for packet in toll.packets
        ],
        table=[
            ["victim of", "forged", "bytes", "came", "bytes", "×", "the room's"],
            *([NAMES[name], *toll.cells()] for name, toll in last.victims.items()),
        ],
        charts=[_chart(last)],
        conditions=[
            ("rooms", f"{plan.members} members, {plan.rate:g} messages of {plan.size} bytes a second"),
            ("forged for", f"{plan.seconds:g} s"),
            ("link", "nothing added, nothing lost"),
            ("repeats", str(len(attacks))),
        ],
        captures=[CAPTURE],
    )


def _findings(attacks: list[Attack]) -> list[Finding]:
    plan, retries = attacks[0].plan, attacks[0].repeats
    return [
        *_unchecked(attacks, plan),
        *_checked(attacks, plan),
        finding.repeats(
            "tcp-amplification",
            "TCP: bytes for each, of a victim that answers",
            "×",
            _amplification(attacks, "tcp"),
            expected=Expected(None, 1.1, "a SYN-ACK of 44 bytes for a SYN of 40, a reset for a hello"),
            because="TCP answers a SYN with hardly more than it is, and a victim that resets ends it.",
            unless="The victim's kernel did not answer, and the SYN-ACK was repeated.",
        ),
        finding.repeats(
            "deaf-syn-acks",
            "TCP: SYN-ACKs to a victim that is silent",
            "",
            [float(attack.victims["deaf"].count("SYN-ACK")) for attack in attacks],
            expected=Expected(*2 * (syn_acks(plan.seconds, retries),), "RFC 6298: after 1, 3, 7 … s"),
            because="A SYN-ACK without an answer is repeated as any segment is, with a timer that doubles, and then no "
            "more.",
            unless="Another kernel's timers: RFC 6298 has the first one at 1 s.",
        ),
    ]


def _amplification(attacks: list[Attack], name: str, until: float = math.inf) -> list[float]:
    """Of a victim, in each attack that forged something in its name."""
    found = (attack.victims[name].until(until).amplification for attack in attacks)
    return [one for one in found if one is not None]


def _around(value: float, plan: Plan) -> tuple[float, float]:
    """What is expected of a sum that has a message more or less at either end, and one that was late."""
    few = 4 / (plan.rate * EARLY)
    return value * (1 - few), value * (1 + few)


def _unchecked(attacks: list[Attack], plan: Plan) -> list[Finding]:
    """What a server does that asks nobody who he is."""
    hello, message = len(HELLO) + HEADERS, plan.size + HEADERS
    early, late = (_amplification(attacks, "floor", until) for until in (EARLY, plan.seconds))
    members = [(attack.victims["floor"].came, attack.members["floor-udp"].came) for attack in attacks]
    member = "Without a check whoever is said to have said hello is a member, and is sent what members are."
    source = "the room's bytes × time / those of one hello"
    found = [
        finding.repeats(
            "floor-amplification",
            f"No check: bytes for each forged, in {EARLY:g} s",
            "×",
            early,
            expected=Expected(*_around(1 + plan.rate * message * EARLY / hello, plan), source),
            because=member,
            unless="The room did not say as much as it should: this machine was busy.",
        ),
        finding.repeats(
            "floor-share",
            "No check: the victim's bytes, of a member's",
            "%",
            [100 * came / usual for came, usual in members if usual],
            expected=Expected(97.0, 103.0, "all that a member gets"),
            because=member,
            unless="A server that tells members apart from others would be another server.",
        ),
    ]
    if plan.seconds >= 2 * EARLY:
        found.append(
            finding.repeats(
                "floor-growth",
                f"No check: in {plan.seconds:g} s, against {EARLY:g} s",
                "×",
                [end / begin for begin, end in zip(early, late, strict=True) if begin],
                expected=Expected(*_around(plan.seconds / EARLY, plan), "in proportion to time"),
                because="It goes on for as long as the room talks: the attacker has nothing more to send.",
                unless="The room did not talk evenly.",
                missing="nothing had come to the victim.",
            )
        )
    return found


def _checked(attacks: list[Attack], plan: Plan) -> list[Finding]:
    """What the servers do that let nobody in unasked."""
    again = f"With a check: {plan.again:g} hellos a second"
    hellos = [
        finding.repeats(
            f"{name}-amplification",
            f"{what}, bytes for each",
            "×",
            _amplification(attacks, name),
            expected=Expected(None, float(limits.AMPLIFICATION), "RFC 9000, section 8.1"),
            because="The server sends a stranger a cookie and nothing else, in fewer than 3 times the bytes of its "
            "hello.",
            unless="That would be a fault of this lab's server.",
        )
        for name, what in (("udp", "With a check: one hello"), ("udp-again", again))
    ]
    rooms = finding.repeats(
        "rooms",
        "With a check, and TCP: the room's messages",
        "",
        [
            sum(attack.victims[name].count("room") for name in VICTIMS if name != "floor")
            for attack in attacks
        ],
        expected=Expected(0.0, 0.0, "a stranger is sent a cookie, and TCP shakes hands first"),
        because="Who can't read what comes to an address is no member there: it has not the cookie, nor the number in "
        "TCP's SYN-ACK.",
        unless="That would be a fault of this lab's servers, or of this kernel.",
    )
    return [*hellos, rooms]


def _said(attack: Attack) -> list[str]:
    victims, seconds = attack.victims, attack.plan.seconds
    floor, again, deaf = victims["floor"], victims["udp-again"], victims["deaf"]
    said = [
        f"One hello of {floor.spent:,} bytes in its name, and the victim of the server without a check was sent "
        f"{floor.came:,} bytes in {seconds:g} s: {floor.count('room'):,} messages of a room it has never heard of.",
        f"The server with the check got {again.count('hello'):,} hellos in a victim's name, and sent it "
        f"{again.count('challenge'):,} cookies and {again.count('room'):,} messages: the attacker had to send "
        f"{again.spent:,} bytes for {again.came:,}.",
    ]
    if (
        deaf.amplification is not None
        and deaf.amplification > limits.AMPLIFICATION
        and not deaf.count("room")
    ):
        said.append(
            f"To a silent victim TCP sent {deaf.count('SYN-ACK')} SYN-ACKs, {three_digits(deaf.amplification)} "
            f"times the bytes of the SYN, and more than the {limits.AMPLIFICATION} that QUIC allows itself: a "
            "handshake keeps strangers out of the room, but its answers can be sent to others, too."
        )
    return said


def _chart(attack: Attack) -> Curves:
    series, seconds = [], attack.plan.seconds
    for name, look in (("floor", "unchecked"), ("udp-again", "udp"), ("deaf", "tcp")):
        if course := attack.victims[name].course():
            course.append((seconds, course[-1][1]))  # as it stays until the end
            x, y = zip(*course, strict=True)
            series.append(Series(NAMES[name], look, list(x), list(y), steps=True))
    return Curves(
        "forged-hello",
        "Bytes that had come to a victim by then for each byte that was forged in its name; of the servers that let "
        "nobody in unasked the attacks that made most of it. The scale is logarithmic.",
        [
            Panel(
                "How much a forged byte brings down on a victim",
                "seconds since the first forged packet",
                "bytes for each byte",
                series,
                [lines.level("3: RFC 9000, section 8.1", 0.0, seconds, 3.0)],
                y_log=True,
            )
        ],
    )


EXPERIMENT = Experiment(
    name="forged-hello",
    ask=Number(
        f"without a check, how many bytes for each byte of the hello after {EARLY:g} s?",
        "×",
        "floor-amplification",
    ),
    seconds=(50, 10),
    run=run,
    think=(
        "Why does the server make the cookie anew and compare, instead of remembering whom it has sent which one?",
        "Which other protocols over UDP answer with more than they were asked? What were they used for?",
        "The check costs every honest newcomer a round trip. When would you pay that, and when not?",
    ),
)
