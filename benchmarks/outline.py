"""What a Python file is made of: its classes and their methods, in order, and the lines of each part.

Two texts that are to be read side by side must have the same parts in the same order. This module says
which parts a text has; `side_by_side.py` lays them next to each other, and a test compares them.
"""

import ast
from dataclasses import dataclass

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Part:
    """A part of a text: `name` is `Server.start` for a method, `main` for a function, `class Server` for what
    stands in a class before its first method; `lines` are its lines, `first` the number of the first one."""

    name: str
    first: int
    lines: tuple[str, ...]


def outline(source: str) -> dict[str, list[str]]:
    """The classes of a text, in order, and the names of the methods of each, in order.

    Raises SyntaxError if it is no Python.
    """
    return {
        node.name: [inner.name for inner in node.body if isinstance(inner, Definition)]
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef)
    }


def parts(source: str) -> list[Part]:
    """All of a text, cut where a class, a method or a function begins; every line is in exactly one part.

    A comment in front of a definition belongs to it. Raises SyntaxError if it is no Python.
    """
    lines = source.splitlines()
    starts = [(name, _with_comment(line, lines)) for name, line in _starts(ast.parse(source))]
    ends = [start for _, start in starts[1:]] + [len(lines) + 1]
    return [
        Part(name, start, tuple(lines[start - 1 : end - 1]))
        for (name, start), end in zip(starts, ends, strict=True)
        if end > start
    ]


def _starts(module: ast.Module) -> list[tuple[str, int]]:
    """Where each part begins: its name and its line, from 1."""
    starts = [("docstring", 1)]
    for node in module.body:
        if isinstance(node, ast.ClassDef):
            starts.append((f"class {node.name}", _line(node)))
            starts += [
                (f"{node.name}.{inner.name}", _line(inner))
                for inner in node.body
                if isinstance(inner, Definition)
            ]
        elif isinstance(node, Definition):
            starts.append((node.name, _line(node)))
        elif isinstance(node, ast.If):
            starts.append(("at the end", node.lineno))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            if len(starts) == 1:
                starts.append(("imports", node.lineno))
        elif len(starts) > 1 and not _is_text(node) and starts[-1][0] != "constants":
            starts.append(("constants", node.lineno))
    return starts


def _line(node: Definition) -> int:
    """The first line of a definition: that of its first decorator, if it has one."""
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _is_text(node: ast.stmt) -> bool:
    """Whether a statement is only a text: a docstring, of the module or of what stands before it."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _with_comment(line: int, lines: list[str]) -> int:
    """The line where the comments and the blank lines in front of `line` begin (1 if all of it is that)."""
    while line > 1 and (not lines[line - 2].strip() or lines[line - 2].lstrip().startswith("#")):
        line -= 1
    return line
