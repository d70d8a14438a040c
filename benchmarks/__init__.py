"""The comparison: the load, what it talks to, and what it makes of the numbers."""

from common.interrupts import end_while_loading

end_while_loading()
