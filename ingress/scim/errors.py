"""SCIM's errors (RFC 7644 §3.12): one family, rendered here and nowhere else."""

import re

import msgspec

from models.errors import Refused

SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"
LONGEST_QUOTE = 100
_NAMED = re.compile(r"(urn:[\w.:-]*:)?password", re.IGNORECASE | re.ASCII)  # the attribute, and nobody's secret


class InvalidSyntax(Refused):
    """The body's structure is not what the request needs."""

    scim_type = "invalidSyntax"


class InvalidValue(Refused):
    """A value is missing or does not fit its attribute."""

    scim_type = "invalidValue"


class InvalidFilter(Refused):
    """The filter cannot be read, or names what cannot be filtered by."""

    scim_type = "invalidFilter"


class TooMany(Refused):
    """The filter asks for more than is calculated for one request (RFC 7644 §3.12)."""

    scim_type = "tooMany"


class InvalidCursor(Refused):
    """The cursor was not made by us for this very query (RFC 9865 §2.1)."""

    scim_type = "invalidCursor"


class ExpiredCursor(Refused):
    """The cursor is too old (RFC 9865 §2.1)."""

    scim_type = "expiredCursor"


class InvalidCount(Refused):
    """The count of a page by cursor is none that can be had (RFC 9865 §2.1)."""

    scim_type = "invalidCount"


class InvalidPath(Refused):
    """The path of a PATCH operation cannot be read, or names nothing."""

    scim_type = "invalidPath"


class NoTarget(Refused):
    """The path of a PATCH operation selects nothing that could be changed."""

    scim_type = "noTarget"


class Mutability(Refused):
    """The attribute cannot be changed so: it is required, or read-only."""

    scim_type = "mutability"


class NotFound(Refused):
    """No such endpoint or resource."""

    status = 404


class NotAllowed(Refused):
    """The endpoint exists and does not take this method; `allowed` are those that it takes."""

    status = 405

    def __init__(self, method: str, allowed: list[str]) -> None:
        super().__init__(f"{method[:20]} is not allowed here: use {', '.join(allowed)}")
        self.allowed = allowed


class Forbidden(Refused):
    """Not to be had in this way."""

    status = 403


class NotImplemented_(Refused):
    """A part of SCIM that is not offered."""

    status = 501


class Internal(Refused):
    """A defect of ours; what it was is in the log, never in the answer."""

    status = 500

    def __init__(self, request_id: str) -> None:
        super().__init__(f"something failed on our side: try again, and quote request {request_id} if it stays")


def body(error: Refused) -> bytes:
    """The error as JSON; `status` is a string, as the RFC has it."""
    content: dict[str, object] = {"schemas": [SCHEMA], "status": str(error.status)}
    if error.scim_type is not None:
        content["scimType"] = error.scim_type
    return msgspec.json.encode({**content, "detail": _printable(error.detail)})


def quote(value: object) -> str:
    """A value as a sentence shows it: at most 100 characters, and nothing of what an object holds.

    (That may be a password.)
    """
    match value:
        case str() if "password" in value.lower() and not _NAMED.fullmatch(value):
            return "a text with a password in it"
        case str():
            return f"'{_printable(_cut(value))}'"
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            # Python refuses to print integers of thousands of digits.
            return _cut(str(value)) if abs(value) < 10**LONGEST_QUOTE else "a very large number"
        case list():
            return "a list"
    return "an object"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE] + "…"


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
