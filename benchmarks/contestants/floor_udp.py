"""The same as `floor.py` with datagrams: a `sendto` for each address that a datagram has ever come from.

python -m benchmarks.contestants.floor_udp HOST PORT
"""

import socket
import sys

from common import limits


def main() -> None:
    """Relay for ever."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    # The same buffers as ours: a burst is not what is compared.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, limits.UDP_BUFFER)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.UDP_BUFFER)
    sock.bind((sys.argv[1], int(sys.argv[2])))
    print(f"floor-udp listening on {sys.argv[1]}:{sock.getsockname()[1]}", flush=True)
    addresses: dict[tuple[str, int], None] = {}
    while True:
        data, address = sock.recvfrom(65536)
        addresses[address] = None
        for member in addresses:
            sock.sendto(data, member)


if __name__ == "__main__":
    main()
