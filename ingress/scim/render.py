"""Resources and lists as they are answered."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zlib import crc32

import msgspec

from models.resource import GROUP, Stored

LIST_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
BULK_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder().decode
Json = dict[str, Any]


def resource(stored: Stored, base: str, whole: bool = True) -> Json:
    """A User or Group (RFC 7643 §4.1, §4.2) with what is ours. `base` is the list's SCIM Base URL.

    With `whole`, a group's members are one piece of finished JSON: a hundred thousand dictionaries
    would take a second.
    """
    found = {"schemas": stored.document["schemas"], "id": stored.id, **stored.document}
    if stored.groups:
        found["groups"] = [_group(base, *each) for each in stored.groups]
    if stored.members:
        found["members"] = _members(base, stored.members) if whole else [_member(base, one) for one in stored.members]
    found["meta"] = {
        "resourceType": "Group" if stored.resource == GROUP else "User",
        "created": timestamp(stored.created),
        "lastModified": timestamp(stored.modified),
        "location": location(stored, base),
        "version": version(stored),
    }
    return found


def location(stored: Stored, base: str) -> str:
    """Where a resource is."""
    return f"{base}/{'Groups' if stored.resource == GROUP else 'Users'}/{stored.id}"


def version(stored: Stored) -> str:
    """The weak entity tag (RFC 7644 §3.14). A user's groups are part of what is served, and change without the
    user: they follow the dot."""
    if not stored.groups:
        return f'W/"{stored.version}"'
    return f'W/"{stored.version}.{crc32(repr(stored.groups).encode("utf-8", "replace")):08x}"'


def _group(base: str, group_id: str, name: str) -> Json:
    return {"value": group_id, "$ref": f"{base}/Groups/{group_id}", "display": name, "type": "direct"}


def _member(base: str, user_id: str) -> Json:
    return {"value": user_id, "$ref": f"{base}/Users/{user_id}", "type": "User"}


def _members(base: str, ids: Iterable[str]) -> msgspec.Raw:
    reference = encode(f"{base}/Users/").decode()[:-1]
    parts = (f'{{"value":"{one}","$ref":{reference}{one}","type":"User"}}' for one in ids)
    return msgspec.Raw(f"[{','.join(parts)}]".encode())


@lru_cache(maxsize=256)
def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC, milliseconds, ending in Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:23] + "Z"


def listing(
    resources: Sequence[Json],
    total: int,
    start_index: int | None,
    next_cursor: str | None = None,
    previous_cursor: str | None = None,
) -> bytes:
    """A ListResponse (RFC 7644 §3.4.2); the counts are integers, as Okta insists. A page by cursor has no start
    index, the first one no previous cursor and the last one no next (RFC 9865 §2)."""
    found: Json = {"schemas": [LIST_RESPONSE], "totalResults": total, "itemsPerPage": len(resources)}
    if start_index is not None:
        found["startIndex"] = start_index
    if next_cursor is not None:
        found["nextCursor"] = next_cursor
    if previous_cursor is not None:
        found["previousCursor"] = previous_cursor
    return encode({**found, "Resources": resources})
