"""The least that a server in this language can do with a call for each delivery: what comes in goes out to everybody.

    python -m benchmarks.contestants.floor HOST PORT

It knows no message, no nick and no rule, and makes one `send` per member of whatever one `recv` returned. A server
that makes a call for each delivery and does anything beside is slower than this one.
"""

import select
import socket
import sys


def main() -> None:
    """Relay for ever."""
    server = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=socket.SOMAXCONN)
    print(f"floor listening on {sys.argv[1]}:{server.getsockname()[1]}", flush=True)
    ready = select.epoll()
    ready.register(server, select.EPOLLIN)
    sockets: dict[int, socket.socket] = {}
    while True:
        for number, _ in ready.poll():
            if number == server.fileno():
                client, _ = server.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sockets[client.fileno()] = client
                ready.register(client, select.EPOLLIN)
                continue
            data = sockets[number].recv(65536)
            if not data:
                sockets.pop(number).close()
                continue
            for sock in sockets.values():
                sock.send(data)


if __name__ == "__main__":
    main()
