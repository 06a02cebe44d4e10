"""`muster api-key`."""

import pytest

from tests.ops.test_cli import Muster, muster  # noqa: F401 - a fixture

pytestmark = pytest.mark.usefixtures("muster")


def test_a_key_is_made_listed_and_revoked() -> None:
    Muster().json("list", "create", "Staff", "--org", "North")

    made = Muster().json("api-key", "create", "Export", "--scope", "write", "--expires", "90d", "--org", "North")
    [listed] = Muster().json("api-key", "list", "--org", "North")

    assert made["key"].startswith(made["prefix"])
    assert (listed["prefix"], listed["scope"], listed["revoked_at"]) == (made["prefix"], "write", None)
    assert Muster().json("api-key", "revoke", made["key"])["prefix"] == made["prefix"]
    assert Muster().json("api-key", "list", "--org", "North")[0]["revoked_at"] is not None


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("create", "Export", "--org", "Nowhere"), "no organisation is called 'Nowhere'"),
        (("create", "Export", "--scope", "all"), "choose read or write"),
        (("revoke", "msk_nothing"), "no API key begins with"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: tuple[str, ...], says: str) -> None:
    Muster().json("list", "create", "Staff")

    told = Muster().run("api-key", *arguments)

    assert (told.exit_code, told.stdout) == (2, "")
    assert says in told.stderr
