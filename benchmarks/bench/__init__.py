"""The bench: what this lab's servers do that others don't, as ratios that must reach a figure. See README.md."""
