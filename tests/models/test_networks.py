"""Networks from which a list's identity provider may come: how they are read, and who lies in one."""

import pytest

from models import networks
from models.errors import Refused


def test_networks_are_kept_once_in_order_and_as_they_are_written_properly() -> None:
    typed = ["2001:DB8::/32, 10.0.0.0/8\r\n203.0.113.7;10.0.0.0/8", "::ffff:192.0.2.0/120", ""]

    assert networks.parse(typed) == ["10.0.0.0/8", "192.0.2.0/24", "203.0.113.7/32", "2001:db8::/32"]
    assert networks.parse([" \n"]) == []


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("10.0.0.1/8", "'10.0.0.1/8' is no network: write 10.0.0.0/8"),
        ("2001:db8::1/32", "write 2001:db8::/32"),
        ("10.0.0/8", "write 203.0.113.0/24"),
        ("north.example", "'north.example' is no network"),
        ("10.0.0.0/33", "is no network"),
        ("<script>", "is no network"),
        (" ".join(f"10.0.{n}.0/24" for n in range(101)), "101 networks are more"),
    ],
)
def test_what_is_no_network_is_refused_with_what_to_write(typed: str, says: str) -> None:
    with pytest.raises(Refused, match=says.replace(".", r"\.")):
        networks.parse([typed])


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("203.0.113.7", True), ("203.0.114.7", False), ("::ffff:203.0.113.7", True), ("2001:db8:1::5", True),
        ("2001:db9::5", False), ("", False), ("unix", False), ("203.0.113.7:443", False), ("fe80::1%eth0", False),
        ("0xcb007107", False), ("3405803783", False), ("203.0.113.007", False),
    ],
)  # fmt: skip
def test_who_lies_in_one(address: str, inside: bool) -> None:
    assert networks.holds("203.0.113.0/24 2001:db8::/32", address) is inside
