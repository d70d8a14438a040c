"""ngIRCd, a chat server in C that many rooms are run on, and as much IRC (RFC 2812) as a member needs.

It is measured as it is: with Nagle's algorithm, because it does not switch it off. Only its protection against
floods is off, or it would let nobody say more than a message a second.
"""

import shutil
import sys

from benchmarks.drivers.base import Driver, Member

CHANNEL = "#room"

PROGRAM = "ngircd"


def program() -> str | None:
    """Where it is installed; None if it isn't. Debian puts it where only root looks."""
    return shutil.which(PROGRAM) or shutil.which(PROGRAM, path="/usr/sbin:/usr/local/sbin")


class IrcMember(Member):
    """A member of the channel: NICK and USER, JOIN, and then PRIVMSG."""

    def __init__(self, nick: str, members: int) -> None:
        super().__init__(nick, members)
        self._rest = b""
        self._present = 0

    def begin(self, now: float) -> list[bytes]:
        return [f"NICK {self.nick}\r\nUSER {self.nick} 0 * :{self.nick}\r\n".encode()]

    def wake(self, now: float) -> list[bytes]:
        return []  # nothing is lost, so nothing is repeated

    def receive(self, data: bytes, now: float) -> list[str]:
        *lines, self._rest = (self._rest + data).split(b"\r\n")
        return [text for line in lines if (text := self._hear(line.decode())) is not None]

    def say(self, text: str) -> bytes:
        return f"PRIVMSG {CHANNEL} :{text}\r\n".encode()

    def _hear(self, line: str) -> str | None:
        """The text of what somebody said to the channel; None for every other line."""
        prefix, line = line.split(" ", 1) if line.startswith(":") else ("", line)
        middle, _, text = line.partition(" :")
        match middle.split():
            case ["PRIVMSG", _]:
                return text
            case ["PING", *_]:
                self.replies.append(f"PONG :{text}\r\n".encode())
            case ["001", *_]:
                self.replies.append(f"JOIN {CHANNEL}\r\n".encode())
            case ["353", *_]:  # who is here, as many lines of it as it takes
                self._present += len(text.split())
            case ["366", *_]:  # and that was all
                self.joined = True
            case ["JOIN", *_] if self.joined and not prefix.startswith(f":{self.nick}!"):
                self._present += 1
            case ["ERROR", *_] if not self.ready:
                self.problem = f"the server refused {self.nick}: {text}"
            case [code, *_] if (
                code[0] in "45" and code != "422" and not self.ready
            ):  # 422: no message of the day
                self.problem = f"the server refused {self.nick}: {code} {text}"
        self.ready = self.ready or (self.joined and self._present >= self.members)
        return None


class Ngircd(Driver):
    """ngIRCd behind `ngircd.py`, which configures it."""

    name = "ngircd"
    stream = True
    echoes = False
    largest_text = 400  # of a line's 510, less who says it and where

    def server(self, host: str, port: int) -> list[str]:
        return [sys.executable, "-m", "benchmarks.contestants.ngircd", program() or PROGRAM, host, str(port)]

    def port(self, line: str) -> int | None:
        # Now listening on [127.0.0.1]:6667 (socket 6).
        _, _, where = line.partition("Now listening on ")
        return int(where.split()[0].rpartition(":")[2]) if where else None

    def member(self, nick: str, members: int) -> IrcMember:
        return IrcMember(nick, members)
