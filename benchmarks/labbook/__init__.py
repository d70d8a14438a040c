"""The lab book: what an experiment is, what it has at hand, and what becomes of its outcome.

`make experiment NAME=loss` makes one, `make labbook` all of them. See README.md.
"""
