"""The three figures of a result: what arrived, how long it took, and how that went over time.

    delivery   the share delivered over the loss asked for, with 95 % intervals and what theory expects
    latency    the share of everything expected that has arrived by a time, a panel for each profile
    timeline   each delivery of one run over time, with what was lost and what TCP sent again

Made from the document and the deliveries of a result alone, each as PNG and as SVG, for paper and for a
projector. Every colour comes with a marker and a line style of its own, so that nobody needs to see colours. The
same data gives the same files, whatever matplotlib's settings on this machine. What is missing (a transport, a
capture) is said in the figure in words. `look.py` is what they have in common.

The figures of the experiments are drawn of charts (`benchmarks/labbook/chart.py`) by `draw`, in the same manner:
`curves.py` draws points and what was expected of them, `anatomy.py` the time line of one message (where everything of
it stands, `lanes.py` says), and `letters.py` measures words before they are put where there is room for them.
"""

from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.figures.charts import draw
from benchmarks.figures.delivered import delivery
from benchmarks.figures.latencies import latency
from benchmarks.figures.look import FIGURES, Deliveries, save
from benchmarks.figures.over_time import timeline
from benchmarks.result_format import Document

__all__ = ["delivery", "draw", "latency", "timeline", "write"]


def write(document: Document, deliveries: Deliveries, directory: Path) -> dict[str, list[Path]]:
    """All figures, as files in `directory`/figures: the paths of each by its name, PNG first. Raises OSError."""
    figures: dict[str, Callable[[], Figure]] = {
        "delivery": lambda: delivery(document),
        "latency": lambda: latency(document, deliveries),
        "timeline": lambda: timeline(document, deliveries, directory),
    }
    return {name: save(make(), directory / FIGURES, name) for name, make in figures.items()}
