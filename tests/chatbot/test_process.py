"""Preflight check of a port, stop signals, and processes that end with their parent."""

from __future__ import annotations

import errno
import os
import signal
import socket

import pytest

from chatbot.errors import SettingError
from chatbot.process import Stopped, check_port_free, die_with_parent, stop_on


@pytest.mark.process  # binds a socket
def test_a_port_in_use_is_refused_with_the_setting_to_change() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for address in ("127.0.0.1", "localhost", "0.0.0.0"):
            with pytest.raises(SettingError, match=f"port {port} is in use: set CHATBOT_UI_PORT"):
                check_port_free(address, port, "CHATBOT_UI_ADDRESS", "CHATBOT_UI_PORT")
    check_port_free("127.0.0.1", port, "CHATBOT_UI_ADDRESS", "CHATBOT_UI_PORT")


@pytest.mark.process  # binds a socket
def test_a_port_in_use_on_one_of_a_names_addresses_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (found,) = socket.getaddrinfo("127.0.0.1", port, type=socket.SOCK_STREAM)
        missing = (socket.AF_INET, *found[1:4], ("192.0.2.1", port))  # of no interface of this machine
        free = (socket.AF_INET, *found[1:4], ("127.0.0.2", port))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [missing, free, found])
        with pytest.raises(SettingError, match=f"port {port} is in use: set CHATBOT_PORT"):
            check_port_free("localhost", port, "CHATBOT_HOST", "CHATBOT_PORT")
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [missing, free])
        check_port_free("localhost", port, "CHATBOT_HOST", "CHATBOT_PORT")


@pytest.mark.process  # binds a socket
@pytest.mark.parametrize("address", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_of_another_machine_is_refused_with_the_setting_to_change(address: str) -> None:
    with pytest.raises(
        SettingError, match=f"address {address} does not exist on this machine: set CHATBOT_UI_ADDRESS"
    ):
        check_port_free(address, 0, "CHATBOT_UI_ADDRESS", "CHATBOT_UI_PORT")


def test_an_ipv6_address_on_a_machine_without_ipv6_is_no_port_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    monkeypatch.setattr("chatbot.process.socket.socket", refuse)
    with pytest.raises(SettingError, match="address :: does not exist on this machine: set CHATBOT_HOST"):
        check_port_free("::", 3000, "CHATBOT_HOST", "CHATBOT_PORT")


@pytest.mark.process  # starts a process
def test_a_child_notices_a_parent_that_died_before_it_asked() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0 if die_with_parent(os.getppid()) and not die_with_parent(1 << 30) else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_second_stop_signal_does_not_interrupt_the_stop_that_the_first_began() -> None:
    """It would skip what the stop cleans up: the keeper left its server running."""
    numbers = (signal.SIGUSR1, signal.SIGUSR2)
    before = [signal.getsignal(number) for number in numbers]
    try:
        stop_on(*numbers)
        with pytest.raises(Stopped):
            signal.raise_signal(signal.SIGUSR1)
        for number in numbers:
            signal.raise_signal(number)
        stop_on(*numbers)
        with pytest.raises(Stopped):
            signal.raise_signal(signal.SIGUSR2)
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
