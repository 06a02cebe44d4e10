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


def whole(stored: Stored, base: str) -> msgspec.Raw:
    """The JSON of a User or Group (RFC 7643 §4.1, §4.2), `base` being the list's SCIM Base URL: the document as it is
    stored, between what is ours. To read and write it again would cost a tenth of a look-up, and the dictionaries of
    a hundred thousand members a second."""
    parts = [f'{{"id":"{stored.id}",', stored.text[1:-1]]
    if stored.groups:
        parts.append(f',"groups":{encode([_group(base, *each) for each in stored.groups]).decode()}')
    if stored.members:
        parts.append(f',"members":{_members(base, stored.members)}')
    parts.append(f',"meta":{encode(_meta(stored, base)).decode()}}}')
    return msgspec.Raw("".join(parts).encode())


def resource(stored: Stored, base: str) -> Json:
    """The same to choose from."""
    found = {"id": stored.id, **stored.document}
    if stored.groups:
        found["groups"] = [_group(base, *each) for each in stored.groups]
    if stored.members:
        found["members"] = [_member(base, one) for one in stored.members]
    return {**found, "meta": _meta(stored, base)}


def _meta(stored: Stored, base: str) -> Json:
    return {
        "resourceType": "Group" if stored.resource == GROUP else "User",
        "created": timestamp(stored.created),
        "lastModified": timestamp(stored.modified),
        "location": location(stored, base),
        "version": version(stored),
    }


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


def _members(base: str, ids: Iterable[str]) -> str:
    reference = encode(f"{base}/Users/").decode()[:-1]
    parts = (f'{{"value":"{one}","$ref":{reference}{one}","type":"User"}}' for one in ids)
    return f"[{','.join(parts)}]"


@lru_cache(maxsize=256)
def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC, milliseconds, ending in Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:23] + "Z"


def listing(
    resources: Sequence[msgspec.Raw | Json],
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
