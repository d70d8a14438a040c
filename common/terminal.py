"""A client in a terminal: a prompt at the bottom that incoming messages never tear.

prompt_toolkit owns the input line; whatever is printed meanwhile appears above it. Lines are made with
rich. Our own message is shown once: when it has come back, with its receipt.
"""

import getpass
import threading
from collections.abc import Callable, Iterable

from prompt_toolkit import PromptSession
from prompt_toolkit.application import Application, get_app
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.patch_stdout import StdoutProxy
from prompt_toolkit.shortcuts import CompleteStyle
from prompt_toolkit.styles import Style
from rich.console import Console, RenderableType
from rich.text import Text

from common import interrupts, show
from common.commands import NAMES, Command, Help, Mistake, Quit, Retry, Stats, parse
from common.conversation import AnyClient
from common.events import Ended, Event, Unconfirmed
from common.nick import refuse_nick
from common.session import NotSent
from common.visible import visible

INDENT = "    "
"""In front of every line of a message but its first: so none of them can look like somebody else's."""

GRACE = 0.05
"""Seconds that the person's thread leaves the interpreter to the receive thread after sending: drawing the
prompt takes some milliseconds, and would be counted in the round trip of a fast link."""

LONG_LINE = 1000
"""Characters up to which the line being typed is wrapped; a longer one would fill the screen: it scrolls."""

STYLE = Style.from_dict({"bottom-toolbar": "noreverse bg:#303030 #d0d0d0", "warning": "bold #ff8080"})


class Terminal:
    """Shows a conversation with `server` and reads what its person types.

    The prompt is one application from the beginning of the conversation to its end: as long as it runs,
    everything printed goes above it. What happens before it has begun is held until then.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._console = Console(highlight=False)
        self._prompt: PromptSession[str] | None = None
        self._lock = threading.Lock()
        """Held while something is printed: two threads do that, and the order is theirs."""
        self._held: list[RenderableType] | None = None
        self._suggestion = _likely_nick()
        self._over = False
        self._answered = threading.Event()

    def show(self, event: Event) -> None:
        """One line for an event, above the prompt."""
        self._print(self._wrapped(show.line(event)))
        self._answered.set()
        if isinstance(event, Ended):
            self._end()
        else:
            self._in_the_loop(Application.invalidate)

    def ask_nick(self) -> str:
        """Ask until there is one that a server would take."""
        session: PromptSession[str] = PromptSession()
        while True:
            suggested, self._suggestion = self._suggestion, ""  # once: it may have been refused
            try:
                nick = session.prompt("Your nick: ", default=suggested).strip()
            except EOFError:
                raise KeyboardInterrupt from None
            problem = refuse_nick(nick)
            if not problem:
                return nick
            self._print(Text(problem, "red"))

    def talk(self, client: AnyClient) -> None:
        """Read lines until the person leaves or the server is gone."""
        session = client.session
        self._held = []
        self._prompt = PromptSession(
            message=lambda: [("bold", f"{visible(session.nick)}> ")],
            bottom_toolbar=lambda: self._toolbar(client),
            completer=_Names(client),
            complete_style=CompleteStyle.READLINE_LIKE,
            complete_while_typing=False,
            reserve_space_for_menu=0,
            history=InMemoryHistory(),
            erase_when_done=True,
            enable_suspend=True,  # Ctrl-Z
            wrap_lines=Condition(lambda: len(get_app().current_buffer.text) < LONG_LINE),
            style=STYLE,
        )
        # A line is obeyed without ending the prompt, and vanishes from it: it is shown when it has come back.
        self._prompt.default_buffer.accept_handler = lambda buffer: self._obey(buffer.text, client)
        usual = self._console
        with interrupts.deferred():  # it starts a thread
            proxy = StdoutProxy(raw=True, sleep_between_writes=0.02)
        with proxy as above_the_prompt:
            self._console = Console(file=above_the_prompt, force_terminal=True, highlight=False)  # type: ignore[arg-type]
            try:
                with interrupts.answered_by(self._end):
                    self._prompt.prompt(pre_run=self._begin)
            except (KeyboardInterrupt, EOFError):
                pass  # Ctrl-C, Ctrl-D, /quit, SIGTERM, or the server is gone
            finally:
                interrupts.ignore()  # once is enough: what follows is cleaning up
                self._release()
                self._console = usual

    def leave(self, client: AnyClient) -> int:
        """How it was."""
        for text in client.session.unconfirmed():
            self._print(self._wrapped(show.line(Unconfirmed(text))))
        self._print(show.statistics_table(client.session.statistics, "your conversation"))
        return 0

    def _obey(self, typed: str, client: AnyClient) -> bool:
        """Do what a line says. False: it does not stay in the prompt."""
        try:
            self._do(parse(typed), client)
        except NotSent as error:
            self._print(Text(f"! {error} (The arrow up brings it back.)", "red"))
        return False

    def _do(self, command: Command | None, client: AnyClient) -> None:
        match command:
            case None:
                pass
            case Quit():
                self._in_the_loop(self._stop)
            case Help():
                self._print(show.help_table())
            case Stats():
                self._print(show.statistics_table(client.session.statistics, "so far"))
            case Retry():
                if not client.retry():
                    self._print(Text("! Nothing is without a receipt.", show.ASIDE))
            case Mistake(reason):
                self._print(Text(f"! {visible(reason)}", "red"))
            case message:
                self._answered.clear()
                client.send(message)
                self._answered.wait(GRACE)

    def _print(self, what: RenderableType) -> None:
        with self._lock:
            if self._held is not None:
                self._held.append(what)
            else:
                self._console.print(what)

    def _release(self) -> None:
        """Print what was held; from now on nothing is."""
        with self._lock:
            for what in self._held or []:
                self._console.print(what)
            self._held = None

    def _wrapped(self, text: Text) -> Text:
        """`text` in lines that fit, all but the first indented."""
        lines = text.wrap(self._console, max(20, self._console.width - len(INDENT)))
        for wrapped in lines[1:]:
            if not wrapped.plain.startswith(INDENT):
                wrapped.pad_left(len(INDENT))
        return Text("\n").join(lines)

    def _toolbar(self, client: AnyClient) -> StyleAndTextTuples:
        """What one wants to know at a glance, while typing."""
        session, tracker = client.session, client.session.statistics.tracker
        parts: StyleAndTextTuples = [("", f" {self._server} · ")]
        here = f"{len(session.members)} here"
        parts.append(("class:warning", "out, asking again") if session.away else ("", here))
        if session.waiting:
            parts.append(("", f" · {session.waiting} waiting"))
        for count, what in (
            (tracker.lost, "lost"),
            (tracker.doubled, "doubled"),
            (tracker.out_of_order, "out of order"),
        ):
            parts.append(("", " · "))
            parts.append(("class:warning" if count else "", f"{count} {what}"))
        return parts

    def _end(self) -> None:
        """The server is gone, or somebody wants us to be."""
        self._over = True
        self._in_the_loop(self._stop)

    def _begin(self) -> None:
        """The prompt has begun: print what happened before that. Was it over by then?"""
        self._release()
        if self._over:
            self._in_the_loop(self._stop)

    def _stop(self, app: "Application[str]") -> None:
        if app.is_running and app.future is not None and not app.future.done():
            app.exit(exception=EOFError)

    def _in_the_loop(self, do: "Callable[[Application[str]], object]") -> None:
        """Have something done in the prompt's own thread, if there is a prompt."""
        app = self._prompt.app if self._prompt is not None else None
        if app is not None and app.loop is not None and app.is_running:
            app.loop.call_soon_threadsafe(do, app)


class _Names(Completer):
    """What Tab knows: the commands, and who is here."""

    def __init__(self, client: AnyClient) -> None:
        self._client = client

    def get_completions(self, document: Document, _event: CompleteEvent) -> Iterable[Completion]:
        before = document.text_before_cursor
        if before.startswith("/") and " " not in before:
            for name in NAMES:
                if name.startswith(before):
                    yield Completion(name + " ", -len(before))
            return
        start = before.rpartition(" ")[2]
        ending = ": " if start == before else " "
        for nick in list(self._client.session.members):
            if start and nick.casefold().startswith(start.casefold()):
                yield Completion(visible(nick) + ending, -len(start), display=visible(nick))


def _likely_nick() -> str:
    """What the system calls this person."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user id without a name
        return ""
    return "" if refuse_nick(name) else name
