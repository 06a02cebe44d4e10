"""API keys of the organisation: listed and revoked; one is made in the console or with `muster api-key create`."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from ingress.api.desk import Desk
from ingress.api.operation import operation
from ingress.api.samples import LATER, OPERATOR, WHEN
from models import api_key, audit
from models.errors import Unknown

NOUN = "API keys"


class ApiKey(Struct, kw_only=True):
    """An API key without its secret."""

    prefix: Annotated[str, Meta(description="Its first twelve characters, which name it.")]
    label: str
    scope: Literal["read", "write"]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: Annotated[datetime | None, Meta(description="Kept at most once a minute.")]
    last_used_address: str | None
    revoked_at: datetime | None


class ApiKeys(Struct, kw_only=True):
    """The organisation's keys, newest first."""

    items: list[ApiKey]


SAMPLE = ApiKey(
    prefix="msk_a1B2c3D4", label="Nightly export", scope="read", created_by=OPERATOR, created_at=WHEN,
    expires_at=None, last_used_at=LATER, last_used_address="203.0.113.7", revoked_at=None,
)  # fmt: skip


@operation("GET", "/api-keys", NOUN, ApiKeys(items=[SAMPLE]))
def list_api_keys(at: Desk) -> ApiKeys:
    """List API keys.

    Revoked and expired ones included. Keys are made in the console or with `muster api-key create`.
    """
    found = api_key.listing(at.cursor, at.caller.organisation_id)
    members = ApiKey.__struct_fields__
    return ApiKeys(items=[ApiKey(**{name: getattr(one, name) for name in members}) for one in found])


@operation("DELETE", "/api-keys/{prefix}", NOUN)
def revoke_api_key(at: Desk, prefix: str) -> None:
    """Revoke an API key.

    From the next request on it is refused, in every process. A key may revoke itself.
    """
    found = api_key.listing(at.cursor, at.caller.organisation_id)
    one = next((each for each in found if each.prefix == prefix), None)
    if one is None:
        raise Unknown(f"your organisation has no API key '{prefix[:20]}'")
    if one.revoked_at is None:
        api_key.revoke(at.cursor, one.prefix, at.caller.organisation_id)
        audit.record(at.cursor, at.caller, None, "api_key.revoke", one.prefix)


OPERATIONS = [list_api_keys, revoke_api_key]
