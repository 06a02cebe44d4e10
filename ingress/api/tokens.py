"""Bearer tokens of a list: issued and shown once, listed, revoked."""

from datetime import UTC, datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from ingress.api.desk import Desk
from ingress.api.operation import operation
from ingress.api.problems import Place, Wrong, pointer
from ingress.api.samples import LATER, OPERATOR, OTHER_ID, WHEN
from models import audit, token
from models.errors import Unknown
from models.token import LONGEST_LABEL, BearerToken

NOUN = "Tokens"
PATH = "/lists/{list_id}/tokens"


class NewToken(Struct, kw_only=True, forbid_unknown_fields=True):
    """A token to be issued."""

    label: Annotated[str, Meta(description="What it is for.", max_length=LONGEST_LABEL)] = ""
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


class Token(Struct, kw_only=True):
    """A bearer token without its secret."""

    id: str
    prefix: Annotated[str, Meta(description="Its first twelve characters, which name it.")]
    label: str
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    last_used_address: str | None
    revoked_at: datetime | None


class IssuedToken(Token, kw_only=True):
    """A bearer token that was issued just now."""

    token: Annotated[str, Meta(description="The token itself. It is shown this once.")]


class Tokens(Struct, kw_only=True):
    """A list's tokens, newest first."""

    items: list[Token]


FACTS: dict[str, Any] = {
    "id": OTHER_ID, "prefix": "sct_a1B2c3D4", "label": "Entra ID", "created_by": OPERATOR, "created_at": WHEN,
    "expires_at": None, "last_used_at": LATER, "last_used_address": "203.0.113.7", "revoked_at": None,
}  # fmt: skip
ISSUED = IssuedToken(**{**FACTS, "last_used_at": None, "last_used_address": None}, token="sct_a1B2c3D4…")


@operation("GET", PATH, NOUN, Tokens(items=[Token(**FACTS)]))
def list_tokens(at: Desk) -> Tokens:
    """List a list's bearer tokens.

    Revoked and expired ones included.
    """
    return Tokens(items=[Token(**_facts(one)) for one in token.listing(at.cursor, at.list.id)])


def _facts(one: BearerToken) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Token.__struct_fields__}


@operation(
    "POST", PATH, NOUN, ISSUED, {"label": "Entra ID", "expires_at": "2099-11-25T08:30:00Z"}, status=201, secret=True,
    problems=("conflict",),
)  # fmt: skip
def issue_token(at: Desk, body: NewToken) -> IssuedToken:
    """Issue a bearer token.

    The answer has the token, this once: only a digest is kept. The others go on working.
    """
    if body.expires_at is not None and body.expires_at <= datetime.now(UTC):
        sentence = "this moment is over: choose one to come, or leave it out"
        raise Wrong("invalid", sentence, Place(sentence, pointer("expires_at")))
    issued = token.issue(at.cursor, at.list.id, body.label.strip(), body.expires_at, at.caller.who)
    audit.record(at.cursor, at.caller, at.list.id, "token.issue", issued.prefix)
    one = next(each for each in token.listing(at.cursor, at.list.id) if each.prefix == issued.prefix)
    at.headers["Location"] = f"/api/v1/lists/{at.list.id}/tokens"
    return IssuedToken(**_facts(one), token=issued.token)


@operation("DELETE", PATH + "/{token_id}", NOUN)
def revoke_token(at: Desk, token_id: str) -> None:
    """Revoke a bearer token.

    From the next request on it is refused, in every process.
    """
    one = next((each for each in token.listing(at.cursor, at.list.id) if each.id == token_id.lower()), None)
    if one is None:
        raise Unknown("this token does not belong to this list")
    if one.revoked_at is None:
        token.revoke(at.cursor, one.prefix, at.list.id)
        audit.record(at.cursor, at.caller, at.list.id, "token.revoke", one.prefix)


OPERATIONS = [list_tokens, issue_token, revoke_token]
