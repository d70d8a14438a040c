"""What rich would print, as text."""

from io import StringIO

from rich.console import Console, RenderableType


def text_of(what: RenderableType, width: int) -> str:
    """As it stands in a terminal of this many columns, without colours."""
    console = Console(file=StringIO(), width=width, highlight=False, color_system=None)
    with console.capture() as captured:
        console.print(what)
    return captured.get()
