"""From a request body to a document: refused with reasons, or normalised in form alone.

Values are never reformatted. What an identity provider does in its own way has one line in QUIRKS.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import msgspec

from ingress.scim import forms
from ingress.scim.errors import InvalidSyntax, InvalidValue, quote
from ingress.scim.forms import take, unfit
from ingress.scim.schema import CORE, GROUP, UNSTORABLE, USER, Kind, Place, Schema, place, place_in
from models.attributes import ENTERPRISE
from models.resource import Document

MAX_DEPTH = 32
LONGEST_NAME = 1000  # characters of an attribute's name, its URN included
ONCE = frozenset({"username", "active", "id", "externalid"})

_decode = msgspec.json.Decoder().decode


def load(body: bytes) -> dict[str, Any]:
    """The JSON object in a body, or why it cannot be taken (contract rule C22)."""
    try:
        decoded = _decode(body)
    except RecursionError:
        raise _too_deep() from None
    except (msgspec.DecodeError, ValueError) as error:
        raise _malformed(body, error) from None
    if not isinstance(decoded, dict):
        raise InvalidSyntax(f"the body is {quote(decoded)}: send one JSON object")
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH:
        _check_depth(decoded)
    if b"\\u" in body:
        _check_text(decoded)
        _check_duplicates(body)
    elif _may_repeat(body):
        _check_duplicates(body)
    return decoded


def _may_repeat(body: bytes) -> bool:
    count = body.lower().count
    return count(b'"username"') > 1 or count(b'"active"') > 1 or count(b'"externalid"') > 1 or count(b'"id"') > 1


def _malformed(body: bytes, error: Exception) -> InvalidSyntax | InvalidValue:
    if not body.strip():
        return InvalidSyntax("the body is empty: send one JSON object")
    if body.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        return InvalidSyntax("the body begins with a byte order mark: send JSON in UTF-8 without one (RFC 8259 §8.1)")
    if "out of range" in str(error):
        return InvalidValue("a number in the body is too large to be kept: send it as text")
    try:
        # msgspec stops at a lone surrogate; the standard parser lets it through to be named.
        _check_text(json.loads(body.decode()))
    except InvalidValue as refusal:
        return refusal
    except (ValueError, RecursionError):
        pass
    return InvalidSyntax(f"the body is not JSON ({error}): send one JSON object in UTF-8")


def _too_deep() -> InvalidSyntax:
    return InvalidSyntax(f"the body nests more than {MAX_DEPTH} levels: send it flatter")


def _check_depth(decoded: dict[str, Any]) -> None:
    level: list[Any] = [decoded]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _members(outer) if isinstance(inner, dict | list)]
        if not level:
            return
    raise _too_deep()


def _members(value: Any) -> Iterable[Any]:
    return cast(Iterable[Any], value.values() if isinstance(value, dict) else value)


def _check_text(decoded: Any, name: str = "the body") -> None:
    """jsonb holds neither NUL nor lone surrogates, in values or in names."""
    if isinstance(decoded, str) and UNSTORABLE.search(decoded):
        raise InvalidValue(f"{name} holds a character that cannot be stored (NUL or half a surrogate pair): remove it")
    if isinstance(decoded, list):
        for element in decoded:
            _check_text(element, name)
    if isinstance(decoded, dict):
        for key, value in decoded.items():
            _check_text(key, f"the name {quote(key)}")
            _check_text(value, key)


def _check_duplicates(body: bytes) -> None:
    json.loads(body, object_pairs_hook=_pairs)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # The last of two equal names wins (RFC 8259 §4 leaves it open), but not where it names a user.
    names = [name for name, _ in pairs if name.lower() in ONCE]
    if len({name.lower() for name in names}) < len(names):
        raise InvalidSyntax(f"the body has {names[-1]} more than once in one object: send it once")
    return dict(pairs)


def user(body: dict[str, Any]) -> Document:
    """The document of a User's POST or PUT body."""
    document = _gather(body, USER)
    require_name(document, USER)
    document.setdefault("active", True)
    return with_schemas(document, USER)


def group(body: dict[str, Any]) -> Document:
    """The document of a Group's POST or PUT body. `members`, where any were sent, is a list of ids."""
    document = _gather(body, GROUP)
    require_name(document, GROUP)
    return with_schemas(document, GROUP)


def had_active(body: dict[str, Any]) -> bool:
    """Whether the body says if the user is active: a PUT that does not keeps the state (C19)."""
    return isinstance(body.get("active"), bool) or "active" in _gather(body, USER)


def require_name(document: Document, of: Schema) -> None:
    """A user needs a userName (RFC 7643 §4.1.1), a group a displayName (§4.2)."""
    name = REQUIRED[of.name]
    if not document.get(name, "").strip():
        raise InvalidValue(f"{name} is missing: send a {name} that is not empty")


REQUIRED = {"User": "userName", "Group": "displayName"}


def with_schemas(document: Document, of: Schema) -> Document:
    """The document with `schemas` telling what it holds, always in the same order."""
    extensions = [key for key in document if ":" in key and key not in of.owners]
    known = [CORE, ENTERPRISE] if ENTERPRISE in document else [of.core]
    document["schemas"] = known + sorted(extensions) if extensions else known
    return document


def _gather(body: dict[str, Any], of: Schema) -> Document:
    document: Document = {"schemas": None}
    forms.check_count(f"a {of.name}", body)
    plain = of.plain
    for key, value in body.items():
        if key in plain and value.__class__ is str and value:
            document[key] = value
        elif value is not None and value != "":
            where = _place_of_key(key, value.__class__ is dict, of) if len(key) <= LONGEST_NAME else None
            if where is not None:
                _put(document, where, value, of)
    return document


@lru_cache(maxsize=4096)
def _place_of_key(key: str, is_object: bool, of: Schema) -> Place | None:
    """The place that a member of a body means. An object under an unknown URN is a whole extension."""
    where = place(key, of)
    if is_object and where is not None and where.kind is Kind.CUSTOM and where.owner not in of.owners:
        return Place(key, "", None, Kind.EXTENSION)
    return where


def _put(document: Document, where: Place, value: Any, of: Schema) -> None:
    if where.kind is Kind.EXTENSION:
        for inner, member in members(where, value, of):
            _put(document, inner, member, of)
        return
    taken = take(where, value)
    if taken is None:
        return
    keys = where.keys
    if len(keys) == 1 and where.last not in document:
        document[where.last] = taken
        return
    if len(keys) == 1 and where.last.lower() in ONCE:
        raise InvalidSyntax(f"the body has {where.last} more than once: send it once")
    if where.sub is not None and where.owner is None and where.name in forms.MANY:  # "emails.type" as a key
        document[where.name] = [{**each, where.sub: taken} for each in document.get(where.name) or [{}]]
        return
    _put_inside(document, where, taken)


def _put_inside(document: Document, where: Place, taken: Any) -> None:
    inside = document
    for key in where.keys[:-1]:
        below = inside.get(key)
        if below.__class__ is not dict:
            below = inside[key] = {}
        inside = below
    present = inside.get(where.last)
    # "name.familyName" as a key may come before "name".
    inside[where.last] = {**present, **taken} if isinstance(present, dict) and isinstance(taken, dict) else taken


def members(where: Place, value: Any, of: Schema, keep_empty: bool = False) -> Iterator[tuple[Place, Any]]:
    """The attributes in an extension's (or the core schema's) object; `keep_empty` keeps what is unset."""
    if not isinstance(value, dict):
        raise unfit(where, "an object", value)
    forms.check_count(where.label, value)
    for name, member in value.items():
        if len(name) > LONGEST_NAME:
            raise InvalidValue(
                f"{where.label} has an attribute whose name has {len(name)} characters, and {LONGEST_NAME} is the most:"
                f" shorten {quote(name)}"
            )
        inner = place_in(where.owner or of.core, name, of)
        if inner is not None and (keep_empty or (member is not None and member != "")):
            yield inner, member


@dataclass(frozen=True, slots=True)
class Quirk:
    """A provider's own way: what it does, where that is told, and the function that meets it."""

    name: str
    source: str
    function: Callable[..., Any]


_ENTRA = "https://learn.microsoft.com/entra/identity/app-provisioning/"
_ENTRA_PATCH = _ENTRA + "application-provisioning-config-problem-scim-compatibility"
_ENTRA_SCIM = _ENTRA + "use-scim-to-provision-users-and-groups"
_ENTRA_CUSTOM = _ENTRA + "customize-application-attributes"
_ONELOGIN = "https://developers.onelogin.com/scim/implement-scim-api"
_OKTA = "https://developer.okta.com/docs/api/openapi/okta-scim/guides/scim-20"
QUIRKS: tuple[Quirk, ...] = (
    Quirk("Entra sends booleans as the text 'True' and 'False'", _ENTRA_PATCH, forms.boolean),
    Quirk("Entra sends op as 'Add', 'Replace' and 'Remove'", _ENTRA_PATCH, forms.op_name),
    Quirk("Entra sends a manager as a list of one", _ENTRA_SCIM, forms.single_manager),
    Quirk("Entra sends enterprise attributes by short name, after a dot or a misspelt URN", _ENTRA_SCIM, place),
    Quirk("Entra sends extensions that `schemas` does not name", _ENTRA_CUSTOM, with_schemas),
    Quirk("Okta sends a password even where that is switched off", _OKTA, forms.ignored),
    Quirk("OneLogin sends emails as one object", _ONELOGIN, forms.single_element),
    Quirk("OneLogin calls a manager's value managerId", _ONELOGIN, forms.manager_id),
)
