"""Networks by name: what one direction of each is like. Typical of its kind and no measurement of any: a name is
easier to say than `delay 125ms 30ms loss 1.5%`, and everybody who says it means the same.
"""

import difflib
from typing import NamedTuple

from benchmarks.link.units import Refused


class Profile(NamedTuple):
    """A specification (of each direction) with a name."""

    name: str
    text: str
    description: str


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("clean", "", "no impairment: what the emulated link itself adds"),
        Profile("lan", "delay 1ms", "a wire in the same building, with a few switches"),
        Profile(
            "wifi",
            # Steps of 10 ms: a bad spell lasts 1 / 0.4 = 2.5 of them; 0.40404 / (0.40404 + 40) is one in 100.
            "delay 20ms 5ms loss gemodel 0.40404% 40%",
            "a busy Wi-Fi: 1 % lost, in bursts of 25 ms; what follows closely may overtake",
        ),
        Profile("dsl", "delay 40ms loss 0.5%", "a telephone line at home, to a server some countries away"),
        Profile(
            "mobile-3g",
            "delay 125ms 30ms loss 1.5%",
            "an old mobile network: slow to answer, and never twice alike; may reorder",
        ),
        Profile("satellite", "delay 300ms loss 1%", "a geostationary satellite: light alone takes 240 ms"),
        Profile("lossy", "delay 25ms loss 5%", "one in twenty lost each way: where TCP gets a tail"),
        Profile("awful", "delay 25ms loss 20%", "one in five lost each way: where TCP comes to a halt"),
    )
}
"""By name, from harmless to hopeless."""


def find(name: str) -> Profile:
    """The profile of this name. Raises Refused, naming those there are."""
    if name in PROFILES:
        return PROFILES[name]
    near = difflib.get_close_matches(name.lower(), PROFILES, 1)
    hint = f": did you mean {near[0]!r}?" if near else "."
    raise Refused(f"There is no profile {name!r}{hint} There are {', '.join(PROFILES)}.")
