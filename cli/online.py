"""Whether this machine is on a network that leads out."""

import socket

_NOWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
"""Addresses for documentation (RFC 5737, RFC 3849): of nobody, and routed as any other is."""


def is_online() -> bool:
    """Whether the system has a route to addresses outside. Nothing is sent: a UDP socket only asks for the route.

    A cable or a wireless card that is off gives no route; a machine whose packets are dropped further on looks online.
    """
    for family, address in _NOWHERE:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((address, 9))
        except OSError:
            continue
        return True
    return False
