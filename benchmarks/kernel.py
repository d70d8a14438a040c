"""What the kernel has counted in a network namespace: /proc/PID/net/snmp and netstat (RFC 4293, 4022 and 4113, and
Linux's own `TcpExt`). In a namespace of one's own the counters are exact: nobody else is in there.

They count from the namespace's beginning; what happened in between is the `difference` of two readings.
Only Linux has them in this form: elsewhere they are None.
"""

from pathlib import Path

COUNTED = {
    "Tcp": ("InSegs", "OutSegs", "RetransSegs", "InErrs", "InCsumErrors", "OutRsts"),
    "Udp": (
        "InDatagrams",
        "OutDatagrams",
        "NoPorts",
        "InErrors",
        "RcvbufErrors",
        "SndbufErrors",
        "InCsumErrors",
    ),
    "Ip": ("ReasmReqds", "ReasmOKs", "ReasmFails", "FragCreates", "InHdrErrors", "InDiscards"),
    "Icmp": ("InCsumErrors",),
    "IpExt": ("InCsumErrors",),
    "TcpExt": (
        "TCPTimeouts",
        "TCPLossProbes",
        "TCPLossProbeRecovery",
        "TCPFastRetrans",
        "TCPSlowStartRetrans",
        "TCPLostRetransmit",
        "TCPSynRetrans",
        "TCPSpuriousRTOs",
        "TCPDSACKRecv",
        "TCPSACKReorder",
        "TCPTSReorder",
        "TCPRetransFail",
        "TCPRcvQDrop",
    ),
}
"""The counters that say something about a link, by their group. Older kernels lack some."""

PROC = Path("/proc")


def counters(pid: int | None = None) -> dict[str, int] | None:
    """The counters of the namespace of process `pid` (ours without one), by name. None where there are none: on
    another system, or because the process is gone.

    A name that several groups have is their sum, and each stands beside it with its group: `InCsumErrors`, packets
    damaged on the way, is that of `Tcp.InCsumErrors`, `Udp.InCsumErrors` and so on.
    """
    folder = PROC / ("self" if pid is None else str(pid)) / "net"
    try:
        # One line of names and one of figures for each group.
        lines = ((folder / "snmp").read_text() + (folder / "netstat").read_text()).splitlines()
    except OSError:
        return None
    groups = {}
    for names, figures in zip(lines[::2], lines[1::2], strict=True):
        group, _, names = names.partition(":")
        groups[group] = dict(zip(names.split(), map(int, figures.split()[1:]), strict=True))
    found: dict[str, int] = {}
    for group, wanted in COUNTED.items():
        for name in wanted:
            if name not in groups.get(group, {}):
                continue
            figure = groups[group][name]
            if sum(name in names for names in COUNTED.values()) > 1:
                found[f"{group}.{name}"] = figure
            found[name] = found.get(name, 0) + figure
    return found


def difference(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """What was counted in between. Only what stands in both."""
    return {name: figure - before[name] for name, figure in after.items() if name in before}


def setting(name: str) -> list[int]:
    """The numbers of a setting, of this process's namespace: three for `net.ipv4.tcp_wmem`, one for most. Raises
    OSError where there is no such setting."""
    return [int(word) for word in (PROC / "sys" / name.replace(".", "/")).read_text().split()]


def congestion_control() -> str | None:
    """What TCP's new connections in this process's namespace use, such as `cubic`; None where it can't be known."""
    try:
        return (PROC / "sys/net/ipv4/tcp_congestion_control").read_text().strip()
    except OSError:
        return None


def allowed_congestion_controls() -> list[str]:
    """Those that a network of one's own may use; empty where that can't be known."""
    try:
        return (PROC / "sys/net/ipv4/tcp_allowed_congestion_control").read_text().split()
    except OSError:
        return []
