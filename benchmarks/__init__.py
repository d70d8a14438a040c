"""The comparison: the load, what it talks to, and what it makes of the numbers."""
