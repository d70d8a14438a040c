"""The demonstration (`make demo`): one conversation over TCP and over UDP, side by side, while the network goes bad.
See README.md."""
