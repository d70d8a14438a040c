"""A search for bytes that the decoder can't take: `make fuzz`. The README has what it looks for, and how."""
