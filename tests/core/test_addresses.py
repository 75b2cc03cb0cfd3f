"""Addresses that others name: the corpus of those that are never connected to."""

import pytest

from core.addresses import AddressError, find_target, read_url

PUBLIC = "93.184.216.34"

# Refused as they are read, before any name is resolved.
HOSTILE = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0x7f.1/",
    "http://127.0.0.0x1/",
    "http://0/",
    "http://0.0.0.0/",
    "http://10.0.0.8/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://168.63.129.16/",
    "http://100.64.0.1/",
    "http://100.100.100.200/",
    "http://192.0.2.1/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://192.88.99.1/",
    "http://[::1]/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:93.184.216.34]/",
    "http://[::ffff:0:127.0.0.1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b:1::a00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:53aa:64c::1]/",
    "http://[2001:db8::1]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[1.2.3.4]/",
    "http://[::1",
    "http://user@127.0.0.1/",
    "http://93.184.216.34@127.0.0.1/",
    "http://user:password@93.184.216.34/",
    "http://127.0.0.1#@93.184.216.34/",
    "http://93.184.216.34\\@127.0.0.1/",
    "http://93.184.216.34/#fragment",
    "http://93.184.216.34:22/",
    "http://93.184.216.34:6379/",
    "http://93.184.216.34:0/",
    "http://93.184.216.34:99999/",
    "http://93.184.216.34:8000/",
    "http://①②⑦.⓪.⓪.①/",
    "http://ⓔxample.com/",
    "http://exa mple.com/",
    "http://example.com/\r\nHost: localhost",
    "http://example.com/\tx",
    "http://example.com\0.localhost/",
    "http://-example.com/",
    "http://example..com/",
    "http://example.com./",
    "http://.example.com/",
    "http://%6c%6f%63alhost/",
    f"http://{'a' * 254}/",
    f"http://example.com/{'a' * 2_000}",
    "http:///path",
    "http:93.184.216.34/",
    "http:/93.184.216.34/",
    "//93.184.216.34/",
    "93.184.216.34",
    "",
    "ftp://93.184.216.34/",
    "file:///etc/passwd",
    "gopher://93.184.216.34:80/_x",
    "dict://93.184.216.34:80/",
    "unix:///var/run/docker.sock",
    "javascript:alert(1)",
    "data:text/html,x",
]

# Names are read, but what they resolve to is not connected to.
RESOLUTIONS = [
    ["127.0.0.1"],
    ["10.1.2.3"],
    ["169.254.169.254"],
    ["100.64.3.2"],
    ["::1"],
    ["fe80::1%eth0"],
    ["::ffff:10.0.0.1"],
    ["64:ff9b::a9fe:a9fe"],
    ["0.0.0.0"],
    [PUBLIC, "127.0.0.1"],
    ["2606:2800:220:1::1", "fd00::1"],
    ["nonsense"],
    [],
]


@pytest.mark.parametrize("url", HOSTILE, ids=lambda url: repr(url)[:50])
def test_it_refuses_hostile_addresses(url):
    with pytest.raises(AddressError):
        find_target(read_url(url), lambda host, port: [PUBLIC])


@pytest.mark.parametrize("addresses", RESOLUTIONS, ids=str)
def test_it_refuses_names_of_which_any_address_is_not_public(addresses):
    with pytest.raises(AddressError):
        find_target(read_url("https://hooks.example.com/"), lambda host, port: addresses)


def test_it_connects_to_the_address_that_it_checked():
    """A name server that answers something else the second time is not asked a second time."""
    answers = iter([[PUBLIC], ["127.0.0.1"]])

    target = find_target(read_url("https://rebind.example.com/x"), lambda *_: next(answers))

    assert (target.address, target.place.host) == (PUBLIC, "rebind.example.com")
    assert next(answers) == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("https://hooks.example.com/in?a=1&b=%20", "hooks.example.com", "/in?a=1&b=%20"),
        ("http://EXAMPLE.com", "example.com", "/"),
        ("https://example.com:443/a", "example.com", "/a"),
        ("http://example.com:443/a", "example.com:443", "/a"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", "/"),
        ("https://93.184.216.34/", "93.184.216.34", "/"),
        ("https://[2606:2800:220:1::1]/", "[2606:2800:220:1::1]", "/"),
        ("https://4.example.com/", "4.example.com", "/"),
    ],
)
def test_it_takes_ordinary_addresses(url, authority, path):
    target = find_target(read_url(url), lambda host, port: [PUBLIC])

    assert (target.place.authority, target.place.path) == (authority, path)


def test_names_that_do_not_resolve_are_said_to():
    def resolve(host, port):
        raise OSError("nothing known")

    with pytest.raises(AddressError, match=r"hooks\.example\.com does not resolve"):
        find_target(read_url("https://hooks.example.com/"), resolve)


def test_private_addresses_and_other_ports_are_reached_when_that_is_allowed():
    place = read_url("http://127.0.0.1:9009/hook", allow_private=True)

    assert find_target(place, lambda *_: [], allow_private=True).address == "127.0.0.1"
    with pytest.raises(AddressError):
        read_url("http://user@127.0.0.1:9009/hook", allow_private=True)
