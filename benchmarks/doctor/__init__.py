"""Can this machine run the lab? And can it reach the server on another one?

    python -m benchmarks.doctor                        this machine        (make doctor)
    python -m benchmarks.doctor --host 192.168.1.20    the way to that one (make doctor HOST=192.168.1.20)

Exit codes: 0 the chats and the comparison over loopback can run (or: both transports get through), 1 they
can't, 2 a bad option or no such host. Needs only rich: it is there to say what else is missing.
"""
