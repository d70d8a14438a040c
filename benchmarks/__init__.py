"""The comparison: the load, what it talks to, and what it makes of the numbers."""

from common.interrupts import begin_program

begin_program()
