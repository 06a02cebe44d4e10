"""Whatever a body says of a password, its log entry does not."""

from typing import Any

import msgspec
import pytest

from ingress.scim import intake, redact
from ingress.scim.errors import quote

SECRET = "correct horse"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"


def patch(**operation: Any) -> dict[str, Any]:
    return {"Operations": [{"op": "replace", **operation}]}


@pytest.mark.parametrize(
    "body",
    [
        {"userName": "ada", "password": SECRET},
        {"userName": "ada", "PassWord": SECRET},
        {"userName": "ada", f"{CORE}:password": SECRET},
        {"userName": "ada", "password.value": SECRET},
        {"userName": "ada", "urn:acme:x": {"deep": [{"password ": SECRET}]}},
        patch(path="password", value=SECRET),
        patch(path="password.value", value=SECRET),
        patch(path='password[type eq "x"]', value=SECRET),
        patch(path=f"{CORE}:password.value", value=SECRET),
        patch(path=["password"], value=SECRET),
        patch(path=f'password eq "{SECRET}"', value="x"),
        patch(value={"password[x eq 1]": SECRET}),
        patch(value={f'list[password eq "{SECRET}"].y': 1}),
        patch(value=f'{{"password": "{SECRET}"}}'),
    ],
)
def test_a_password_is_taken_out_wherever_it_hides(body: dict[str, Any]) -> None:
    raw = msgspec.json.encode(body)

    assert SECRET in raw.decode().replace("\\", "")
    assert SECRET not in redact.body(raw, body)


def test_an_escaped_spelling_is_found_as_well() -> None:
    raw = b'{"userName": "ada", "p\\u0061ssword": "correct horse"}'

    assert SECRET not in redact.body(raw, msgspec.json.decode(raw))


def test_a_body_without_one_is_kept_as_it_came() -> None:
    raw = b'{ "userName" : "ada",\n "title": "Keeper of keys" }'

    assert redact.body(raw, msgspec.json.decode(raw)) == raw.decode()


@pytest.mark.parametrize("name", ["password", "password ", "a.password", "PASSWORD"])
def test_no_spelling_of_a_password_reaches_a_document(name: str) -> None:
    document = intake.user({"userName": "ada", "urn:acme:x:2.0:User": {name: SECRET, "badge": "7"}})

    assert SECRET not in msgspec.json.encode(document).decode()
    assert document["urn:acme:x:2.0:User"] == {"badge": "7"}


def test_a_sentence_does_not_quote_a_password() -> None:
    assert SECRET not in quote(f'password eq "{SECRET}"')
