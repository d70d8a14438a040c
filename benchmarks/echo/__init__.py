"""An echo server and clients that time it, for the experiments on plain loopback: see README.md."""
