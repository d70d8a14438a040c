"""The process that searches: atheris, with our modules instrumented so that it sees which branches an input takes.

    python -m benchmarks.fuzz.target [libFuzzer's options] CORPUS

Started by `benchmarks.fuzz`, which knows the options and explains what comes out. msgspec is compiled C and stays
as it is: what is searched is our own code, around it.
"""

import importlib
import sys

INSTRUMENTED = ["common.messages", "common.visible", "tcp.framing"]


def main() -> None:
    """Does not return: libFuzzer ends the process."""
    atheris = importlib.import_module("atheris")  # not in requirements.lock, so a linter would not find it
    with atheris.instrument_imports(include=INSTRUMENTED):
        properties = importlib.import_module("benchmarks.fuzz.properties")
    atheris.Setup(sys.argv, properties.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
