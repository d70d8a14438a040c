"""What a typed line means: something to say, or a command that begins with `/`."""

from dataclasses import dataclass

from common.messages import Act, Say, Tell, Who

HELP = {
    "/help": "what there is",
    "/who": "who is here",
    "/me TEXT": "say what you do: /me waves",
    "/msg NICK TEXT": "say something to one member alone",
    "/stats": "what was sent, confirmed and lost, and how long it took",
    "/retry": "say again what has no receipt",
    "/quit": "leave (also /q, exit, Ctrl-D, Ctrl-C)",
    "//TEXT": "say a text that begins with /",
}
"""Each command and what it does, in the order of `/help`."""

NAMES = sorted(usage.split()[0] for usage in HELP if not usage.startswith("//"))
"""The commands, for Tab."""


class Help:
    """Show what there is."""


class Stats:
    """Show what was counted."""


class Retry:
    """Say again what has no receipt."""


class Quit:
    """Leave."""


@dataclass(frozen=True)
class Mistake:
    """A line that can't be obeyed, and why: a sentence."""

    reason: str


Command = Say | Act | Tell | Who | Help | Stats | Retry | Quit | Mistake


def parse(line: str) -> Command | None:
    """What a line means; None for one with nothing in it. Never raises.

    What was typed in another encoding than the terminal says is no text (Python calls it surrogates): it
    becomes �, so that every text that is said can be sent.
    """
    line = line.rstrip("\r\n")  # of a page that was pasted
    line = line.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if not line.strip():
        return None
    if line.strip() == "exit":
        return Quit()
    if line.startswith("//"):
        return Say(message=line[1:])
    if not line.startswith("/"):
        return Say(message=line)
    name, _, rest = line.partition(" ")
    rest = rest.strip()
    match name:
        case "/help" | "/?":
            return Help()
        case "/who":
            return Who()
        case "/stats":
            return Stats()
        case "/retry":
            return Retry()
        case "/quit" | "/q":
            return Quit()
        case "/me":
            return Act(message=rest) if rest else Mistake("What do you do? For instance: /me waves")
        case "/msg":
            to, _, text = rest.partition(" ")
            if not text.strip():
                return Mistake("To whom, and what? For instance: /msg ann hello")
            return Tell(to=to, message=text.strip())
    there_is = ", ".join(NAMES)
    return Mistake(f"There is no {name}; there is {there_is}. (//… says a text that begins with /.)")
