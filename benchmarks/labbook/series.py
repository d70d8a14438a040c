"""Making all experiments, one after the other: what is made already, what is left, and the book of it."""

from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.text import Text

from benchmarks.labbook import book, notes, show
from benchmarks.labbook.book import BOOK, Entry
from benchmarks.labbook.experiment import Experiment
from benchmarks.labbook.make import Manner, cannot, half, make
from benchmarks.labbook.saved import Made, newest_first
from benchmarks.measuring import Network
from benchmarks.progress import Progress
from benchmarks.result_format import Unreadable
from benchmarks.results import Unsaved
from benchmarks.stage import Failed, Interrupted, Wish


@dataclass
class Place:
    """One experiment's place in the book."""

    number: int
    one: Experiment
    made: Made | None = None
    directory: Path = Path()
    why: str = "not yet."
    predicted: float | None = None
    fits: bool = False
    """Whether what is made needs not be made again."""

    @property
    def entry(self) -> Entry:
        """For the book."""
        return Entry(
            self.number, self.one.name, self.one.text, self.one.think, self.made, self.directory, self.why
        )


@dataclass
class Labbook:
    """The making of one: where, how, and what is there so far."""

    manner: Manner
    places: list[Place]
    notes: Path
    screen: Console
    warnings: list[str] = field(default_factory=list)
    failed: bool = False

    def warn(self, sentence: str) -> None:
        """Say it now, and on the cover of the book."""
        self.warnings.append(sentence)
        self.screen.print(Text(sentence, "yellow"), soft_wrap=True)

    def look(self) -> None:
        """Find what is made already. Raises Unreadable if nobody may look."""
        for place in self.places:
            damaged = False
            for path, found in newest_first(self.manner.results, place.one.name):
                if isinstance(found, Unreadable):
                    damaged = True
                    self.screen.print(Text(str(found), "yellow"), soft_wrap=True)
                    continue
                if found.asked == place.one.ask.question and place.predicted is None:
                    place.predicted = found.predicted
                fits = self.manner.quick or not found.quick
                if place.made is None or fits:
                    place.made, place.directory = found, path
                    place.fits = fits and not damaged
                if fits:
                    break

    def keep_notes(self) -> None:
        """Have a section for each experiment in the student's file. Raises Unreadable, Unsaved."""
        headings = [
            notes.Heading(place.number, place.one.name, place.one.text.title, place.one.think)
            for place in self.places
        ]
        notes.keep(self.notes, headings)

    def write(self) -> Path:
        """The book, of what there is. Raises Unsaved."""
        try:
            written = notes.read(self.notes, [place.one.name for place in self.places])
        except Unreadable as error:  # it was fine at the beginning: somebody is at it
            self.failed = True
            self.warn(f"{error} The book is without them.")
            written = notes.Notes()
        path = self.manner.results / BOOK
        return book.write([place.entry for place in self.places], written, path, self.warnings)

    def impossible(self, due: list[Place], net: Network) -> list[Place]:
        """Those of them that can't be made on this machine; says so, with the remedy, and of which only half can."""
        found: list[Place] = []
        reasons: dict[str, list[Place]] = {}
        for place in due:
            if why := cannot(place.one, net):
                found.append(place)
                place.why = why
            if why := why or half(place.one, net):
                reasons.setdefault(why, []).append(place)
        for why, those in reasons.items():
            names = ", ".join(place.one.name for place in those)
            self.screen.print(Text(f"{names}: {why}", "yellow"), soft_wrap=True)
        return found

    def make(self, todo: list[Place], net: Network, asked: Wish) -> bool:
        """Make these. Whether it came to its end, and nobody wanted it to stop."""
        with Progress(self.screen, [place.one.seconds[self.manner.quick] for place in todo]) as progress:
            for place in todo:
                if asked.is_set():
                    return False
                progress.begin(place.one.name)
                try:
                    made, directory = make(place.one, place.predicted, self.manner, net, asked, progress.now)
                except Interrupted:
                    return False
                except Failed as error:
                    self._fail(place, str(error))
                except Unsaved as error:
                    self._fail(place, str(error))
                    return True  # the disk will not take the next one either
                else:
                    made.outcome.rows = []  # they are in the CSV file; here they would only add up
                    place.made, place.directory = made, directory
                    self.screen.print(show.line(made, place.number, f"{made.took:.0f} s"))
                progress.done()
        return True

    def _fail(self, place: Place, why: str) -> None:
        self.failed = True
        place.why = f"it failed. {why}"
        if place.made:
            self.warnings.append(
                f"{place.one.name} failed when it was made again; what is here is older. {why}"
            )
        self.screen.print(Text(f"✗ {place.number:>2} {place.one.name} failed: {why}", "red"), soft_wrap=True)
