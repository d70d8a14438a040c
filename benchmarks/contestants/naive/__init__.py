"""The server and the client that every course solution starts from, with faults that have names. See ../README.md."""
