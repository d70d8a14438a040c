"""Becomes ngIRCd, in the foreground, with a configuration of ours that is never on the disk.

python -m benchmarks.contestants.ngircd PROGRAM HOST PORT
"""

import os
import socket
import sys

CONFIGURATION = """\
[Global]
    Name = bench.lab.invalid
    Info = the lab's bench
    AdminInfo1 = the lab
    AdminInfo2 = this machine
    AdminEMail = nobody@lab.invalid
    MotdPhrase = hello
    Listen = {host}
    Ports = {port}
    {identity}
[Limits]
    MaxConnections = 0
    MaxConnectionsIP = 0
    MaxJoins = 0
    MaxPenaltyTime = 0
    PingTimeout = 3600
[Options]
    DNS = no
    Ident = no
    PAM = no
    IncludeDir = /nonexistent
"""
"""Without limits on connections and penalties for floods, without looking up who somebody is, and without what the
administrator of this machine may have configured."""

NOBODY = "ServerUID = nobody\n    ServerGID = nogroup"
"""It does not want to be root, and neither do we."""


def main() -> None:
    """Replace this process: whoever started it has the server's own process, its processor time and its memory."""
    program, host, port = sys.argv[1:]
    free = port if int(port) else _free(host)
    identity = NOBODY if os.geteuid() == 0 else ""
    configuration = os.memfd_create("ngircd.conf", 0)
    os.write(configuration, CONFIGURATION.format(host=host, port=free, identity=identity).encode())
    os.execv(program, [program, "--nodaemon", "--config", f"/proc/self/fd/{configuration}"])


def _free(host: str) -> int:
    """A port that nobody has at this moment: this program can't be told to choose one itself."""
    with socket.create_server((host, 0)) as probe:
        found: int = probe.getsockname()[1]
        return found


if __name__ == "__main__":
    main()
