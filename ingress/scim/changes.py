"""Request bodies as pure changes, the same for a request alone and for one of a bulk request's operations."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ingress.scim import intake, patch, schema
from ingress.scim.schema import Schema
from ingress.scim.steps import require_known
from models.group import SAME
from models.resource import GROUP, USER, Document

Apply = Callable[[Document | None], Document]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A resource type: what the models call it, its schema, endpoint and how its bodies are read."""

    resource: str
    of: Schema
    endpoint: str
    read: Callable[[Json], Document]


def _group(body: Json) -> Document:
    document = intake.group(body)
    members = SAME.add(require_known(document.pop("members", ())))
    return {**document, "members": members}


USERS = Kind(USER, schema.USER, "Users", intake.user)
GROUPS = Kind(GROUP, schema.GROUP, "Groups", _group)
VERBS = {"POST": "create", "PUT": "update", "PATCH": "update", "DELETE": "delete"}  # what a method asks for
KINDS = {kind.endpoint: kind for kind in (USERS, GROUPS)}


def create(kind: Kind, body: Json) -> Apply:
    """POST (RFC 7644 §3.3)."""
    document = kind.read(body)
    return lambda _: {**document}


def replace(kind: Kind, body: Json) -> Apply:
    """PUT (§3.5.1): what is omitted is cleared, but for a user's `active`, which stays (contract C19)."""
    document = kind.read(body)
    if kind is GROUPS:
        members = SAME.keep(()).add(document["members"].plus)
        return lambda _: {**document, "members": members}
    if intake.had_active(body):
        return lambda _: document
    return lambda present: _with_active_of(present, document)


def _with_active_of(present: Document | None, document: Document) -> Document:
    kept = {key: value for key, value in document.items() if key != "active"}
    return {**kept, "active": present["active"]} if present is not None and "active" in present else kept


def modify(kind: Kind, body: Json) -> Apply:
    """PATCH (§3.5.2)."""
    operations = patch.parse(body, kind.of)
    return lambda present: patch.apply(operations, present or {})
