"""What ingress asks of the models: one pure change to one resource of a list, and what it came to."""

from collections.abc import Callable

import msgspec

from models.errors import Refused
from models.resource import USER, Document, Stored


class Request(msgspec.Struct, frozen=True):
    """Where a change came from: what its log entry tells of it."""

    request_id: str
    body: str | None = None
    token_prefix: str | None = None
    idp: str | None = None


class Change(msgspec.Struct, frozen=True):
    """One pure change to one user or group of one list.

    `verb` is create, update or delete. `apply` turns the present document into the next one (for a
    create it gets None) and raises `Refused`; it may run more than once, so it changes nothing. A
    group's next document may have `members`, a `group.Members`. `expects` are the versions that the
    resource may be at (If-Match), none of them where it is not to exist. A create with a `resource_id` is
    to get that id.
    """

    list_id: str
    verb: str
    request: Request
    apply: Callable[[Document | None], Document]
    resource_id: str | None = None
    resource: str = USER
    expects: frozenset[str] | None = None
    most_members: int = 0  # of a group, that the answer shows; none of a larger group
    is_light: bool = True  # whether it may share a transaction with many others


class Accepted(Stored, frozen=True):
    """What a change came to: the resource as it stands after it."""

    operation: str = ""


Outcome = Accepted | Refused


class PreconditionFailed(Refused):
    """The resource is at another version than the request expects (RFC 7644 §3.14)."""

    status = 412


def check_version(change: Change, version: int) -> None:
    """Refuse a change that was made for another version of its resource."""
    expected = change.expects
    if expected is None or str(version) in expected:
        return
    if not expected:
        raise PreconditionFailed(f"If-None-Match: * is for a {change.resource} that is not there, and this one is")
    named = " or ".join(f'W/"{tag[:20]}"' for tag in sorted(expected)[:3])
    raise PreconditionFailed(
        f'the request is for version {named}, and this {change.resource} is at W/"{version}" by now:'
        " read it again, and decide again"
    )
