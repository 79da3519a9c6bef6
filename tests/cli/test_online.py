"""Whether a machine is on a network, by its routes alone: nothing is ever sent."""

import socket

import pytest
from escrow_cli.online import is_online


class Routes:
    """A socket of a machine that can reach these families; it can only ask for a route."""

    def __init__(self, *families: socket.AddressFamily) -> None:
        self.families = families
        self.asked: list[str] = []

    def __call__(self, family: socket.AddressFamily, kind: socket.SocketKind) -> "Routes":
        assert kind == socket.SOCK_DGRAM
        self.family = family
        return self

    def __enter__(self) -> "Routes":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def connect(self, address: tuple[str, int]) -> None:
        self.asked.append(address[0])
        if self.family not in self.families:
            raise OSError("Network is unreachable")


@pytest.mark.parametrize("families", [(), (socket.AF_INET,), (socket.AF_INET6,), (socket.AF_INET, socket.AF_INET6)])
def test_a_route_is_a_network(families: tuple[socket.AddressFamily, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    routes = Routes(*families)
    monkeypatch.setattr(socket, "socket", routes)
    assert is_online() == bool(families)
    assert set(routes.asked) <= {"192.0.2.1", "2001:db8::1"}
