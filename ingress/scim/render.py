"""Resources and lists as they are answered."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

LIST_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:ListResponse"

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder().decode


def user(
    id: str, document: dict[str, Any], version: int, created: datetime, modified: datetime, base: str
) -> dict[str, Any]:
    """A User (RFC 7643 §4.1) with what is ours: id and meta. `base` is the list's SCIM Base URL."""
    return {
        "schemas": document["schemas"],
        "id": id,
        **document,
        "meta": {
            "resourceType": "User",
            "created": timestamp(created),
            "lastModified": timestamp(modified),
            "location": f"{base}/Users/{id}",
            "version": f'W/"{version}"',
        },
    }


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC, milliseconds, ending in Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def listing(resources: Sequence[dict[str, Any]], total: int, start_index: int) -> bytes:
    """A ListResponse (RFC 7644 §3.4.2); the counts are integers, as Okta insists."""
    return encode(
        {
            "schemas": [LIST_RESPONSE],
            "totalResults": total,
            "startIndex": start_index,
            "itemsPerPage": len(resources),
            "Resources": resources,
        }
    )
