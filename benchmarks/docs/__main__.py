"""`make docs`: makes again what the pages show, the pictures and the output, by running it.

    python -m benchmarks.docs [--check]

With --check nothing is written: it says which output no longer looks as it is shown. Exit codes: 0 done, or all is as
shown; 1 something could not be made, or is stale; 2 the pages can't be written; 130 interrupted.
"""

import sys

from benchmarks import results
from benchmarks.child import ROOT
from benchmarks.docs import pictures, shown
from common import interrupts
from common.command_line import Parser, complain


def check() -> int:
    """Run every command, and name those whose output has another structure than the page shows."""
    stale = 0
    for block in shown.blocks():
        try:
            same = shown.structure(shown.run(block.command)) == shown.structure(block.text)
        except shown.Failed as error:
            print(error, file=sys.stderr)
            same = False
        print(f"{'as shown' if same else 'STALE   '}  {block.name}", flush=True)
        stale += not same
    return 1 if stale else 0


def main() -> int:
    """`python -m benchmarks.docs`"""
    parser = Parser(prog="python -m benchmarks.docs", description="Make again what the pages show.")
    parser.add_argument("--check", action="store_true", help="write nothing, and say what is stale")
    if parser.parse_args().check:
        return check()
    pages = list(dict.fromkeys(block.page for block in shown.blocks()))
    try:
        for path in (*pictures.ALL, *pages):
            results.writable(path)
    except results.Unsaved as error:
        return complain(str(error))
    try:
        for path in pictures.take():
            print(f"taken again  {path.relative_to(ROOT)}", flush=True)
        for page in pages:
            print(
                f"{'made again' if shown.again(page) else 'as it was '}  {page.relative_to(ROOT)}",
                flush=True,
            )
    except (OSError, RuntimeError, shown.Failed) as error:
        print(f"The pages could not be made again: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(interrupts.run(main))
