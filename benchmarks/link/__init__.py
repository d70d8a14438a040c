"""The emulated network: packets are lost, delayed, mixed up and held back *below* the kernel's real TCP and UDP.

In which order to read it:

- what can be asked for: `units.py`, `impairment.py`, one file for each impairment (`delay.py`, `loss.py`,
  `gemodel.py`, `duplicate.py`, `reorder.py`, `corrupt.py`, `rate.py`, `outage.py`), `specification.py` and
  `profiles.py`;
- what becomes of a packet: `line.py` (one direction), `scheduler.py` (both), `lateness.py`. Up to here nothing
  opens a socket or looks at a clock;
- how packets get there: `tun.py`, `namespace.py`, `packet.py`, and the loop in `emulator.py`; where the kernel
  refuses that, `relay.py`;
- how it is told and watched: `control.py`, `probe.py`, `capture.py`, `__main__.py`.
"""
