"""The server that a course ends with: a thread for each connection, which sends what it receives to everybody else.

    python -m benchmarks.contestants.naive HOST PORT

The first bytes of a connection are taken for its nick, and everything after them is relayed as it comes. What is
wrong with it is the point, and stays: 1024 bytes may hold half a message, or two; Nagle's algorithm holds small
messages back; a `send` that has to wait holds up its thread, and everybody who is served by it; two threads may
send to one socket at a time.
"""

import socket
import sys
import threading

clients: list[socket.socket] = []


def broadcast(data: bytes, sender: socket.socket | None) -> None:
    """Send it to everybody but its sender."""
    for client in clients.copy():
        if client is not sender:
            try:
                client.send(data)
            except OSError:
                remove(client)


def remove(client: socket.socket) -> None:
    """Forget one who is gone. Two threads may find that out at once."""
    if client in clients:
        clients.remove(client)


def serve(client: socket.socket) -> None:
    """The thread of one client."""
    try:
        nick = client.recv(1024).decode()
        clients.append(client)
        broadcast(f"{nick} has joined\n".encode(), None)
        while data := client.recv(1024):
            broadcast(data, client)
    except OSError as error:
        print(f"somebody is gone: {error.strerror}", file=sys.stderr)
    finally:
        remove(client)
        client.close()


def main() -> None:
    """Take connections for ever."""
    server = socket.create_server((sys.argv[1], int(sys.argv[2])))
    print(f"naive listening on {sys.argv[1]}:{server.getsockname()[1]}", flush=True)
    while True:
        client, _ = server.accept()
        threading.Thread(target=serve, args=(client,), daemon=True).start()


if __name__ == "__main__":
    main()
