"""What tests need of an emulated network, and why there may be none."""

import pytest

from benchmarks.link import namespace


def why_not() -> str:
    """Why no network can be emulated here, with the remedy; empty if one can."""
    try:
        namespace.way_in()
    except namespace.Missing as missing:
        return str(missing)
    return ""


WHY_NOT = why_not()
needs_link = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
