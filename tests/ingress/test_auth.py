"""The Authorization header in the forms that identity providers send (contract rule C1)."""

import pytest

from ingress.auth import LONGEST_HEADER, bearer
from models import token
from models.errors import Unauthorised

TOKEN = token.generate()


@pytest.mark.parametrize(
    "header",
    [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"  BEARER   {TOKEN}  ", TOKEN, f"Bearer Bearer {TOKEN}"],
    ids=["usual", "lower case", "spaces", "bare", "twice"],
)
def test_every_way_to_send_a_token_is_understood(header: str) -> None:
    assert bearer(header.encode()) == TOKEN


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (None, "missing"),
        (b"", "missing"),
        (b"Bearer", "missing"),
        (b"Bearer x", "malformed"),
        (b"Basic YTpi", "malformed"),
        (f"Bearer {TOKEN} x".encode(), "malformed"),
        (b"Bearer x" + b" " * 40_000 + b"x", "malformed"),
        (b"x" * (LONGEST_HEADER + 1), "malformed"),
    ],
    ids=["none", "empty", "word", "short", "basic", "more", "spaces", "long"],
)
def test_anything_else_is_refused_before_the_database_is_asked(header: bytes | None, reason: str) -> None:
    with pytest.raises(Unauthorised) as refused:
        bearer(header)

    assert refused.value.reason == reason
