"""A server on this machine answers no web site whose name leads to it (DNS rebinding)."""

from __future__ import annotations

import pytest

from chatbot.hosts import host_check, local_url, with_mapped

LOOPBACK = ["127.0.0.1", "127.8.9.1", "::1", "localhost"]


@pytest.mark.parametrize("address", LOOPBACK)
@pytest.mark.parametrize(
    ("host", "is_accepted"),
    [
        ("localhost:3000", True), ("LOCALHOST", True), ("localhost.", True), ("shop.localhost:3000", True),
        ("127.0.0.1:3000", True), ("192.0.2.7", True), ("[::1]:3000", True), ("[2001:db8::7]", True),
        ("evil.example:3000", False), ("localhost.evil.example", False), ("evil-localhost", False),
        ("127.0.0.1.evil.example", False), ("127.0.0.1@evil.example", False), ("evil.example#@localhost", False),
        ("localhost evil.example", False), ("localhost:evil", False), ("[::1", False), ("", False), (":3000", False),
    ],
)  # fmt: skip
def test_on_a_loopback_address_only_addresses_and_localhost_are_accepted(
    address: str, host: str, is_accepted: bool
) -> None:
    is_host = host_check(address)
    assert is_host is not None
    assert is_host(host) is is_accepted


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "", None, "10.1.2.3", "bot.example.com"])
def test_on_other_addresses_any_name_is_accepted_unless_some_are_configured(address: str | None) -> None:
    assert host_check(address) is None
    is_host = host_check(address, "shop.example.com")
    assert is_host is not None
    assert [is_host(host) for host in ("shop.example.com", "10.1.2.3:9464", "evil.example")] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("address", LOOPBACK)
def test_a_proxy_on_the_same_machine_may_pass_on_its_name(address: str) -> None:
    is_host = host_check(address, " Shop.example.com, www.shop.example.com. ")
    assert is_host is not None
    hosts = ["shop.example.com", "SHOP.EXAMPLE.COM:443", "www.shop.example.com", "localhost:3000"]
    assert all(map(is_host, hosts))
    assert not is_host("evil.example")
    assert host_check(address, "*") is None


def test_proxies_are_named_as_a_server_on_the_ipv6_address_sees_them_too() -> None:
    assert with_mapped("") == ""
    assert with_mapped("*") == "*"
    expected = "10.0.0.0/8,192.0.2.7,2001:db8::/32,::ffff:10.0.0.0/104,::ffff:192.0.2.7/128"
    assert with_mapped("10.0.0.0/8, 192.0.2.7,2001:db8::/32") == expected
    assert with_mapped("10.0.0.5/8, 192.0.2.7,2001:db8::1/32") == expected, (
        "uvicorn ignores a network with host bits"
    )


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("127.0.0.2", "http://127.0.0.2:3000"),
        ("0.0.0.0", "http://127.0.0.1:3000"),
        ("::", "http://[::1]:3000"),
        ("2001:db8::1", "http://[2001:db8::1]:3000"),
        ("localhost", "http://localhost:3000"),
    ],
)
def test_a_server_is_reached_from_its_machine_by_the_address_it_listens_on(address: str, url: str) -> None:
    assert local_url(address, 3000) == url
