"""The figure of a chart of an experiment, as files."""

from pathlib import Path

from benchmarks.figures.anatomy import anatomy
from benchmarks.figures.curves import curves
from benchmarks.figures.look import save
from benchmarks.labbook.chart import Anatomy, Chart


def draw(chart: Chart, directory: Path) -> list[Path]:
    """The figure of a chart as PNG and SVG in `directory`, by the chart's name: their paths, PNG first. Raises
    OSError."""
    figure = anatomy(chart) if isinstance(chart, Anatomy) else curves(chart)
    return save(figure, directory, chart.name)
