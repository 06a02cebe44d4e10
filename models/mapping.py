"""Field mappings, and the projection compiled from them: document → field values. Pure."""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec

from models.attributes import ATTRIBUTES, ENTERPRISE
from models.errors import Refused

UNIQUE_IDENTIFIERS = ("employeeNumber", "userName", "email")

Document = dict[str, Any]
Value = str | int | float | None
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_SELECTED = re.compile(r'(\w+)\[type eq "(\w+)"\]\.(\w+)')
_INTEGER = re.compile(r"\s*[+-]?\d{1,18}\s*")
_DIGITS = re.compile(r"\s*[+-]?\d+\s*")
_SHOWN = 100  # characters of a value in a sentence
LONGEST_TYPED = 10_000  # characters, of a value that an operator types


@dataclass(frozen=True, slots=True)
class Mapping:
    """One IdP attribute (its SCIM path) to one field (its key). `transform`: copy, trim, lowercase or uppercase."""

    attribute: str
    field: str
    on: bool
    transform: str


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a list. `type`: text, number, email, date or dropdown; `uid` marks the UID's own field."""

    key: str
    label: str
    type: str
    options: tuple[str, ...] = ()
    required: bool = False
    uid: bool = False

    def as_json(self) -> dict[str, Any]:
        """The field as it is stored in the list's schema."""
        return {
            "key": self.key,
            "label": self.label,
            "type": self.type,
            "options": list(self.options),
            "required": self.required,
            "uid": self.uid,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Field":
        """A field out of the list's schema."""
        return cls(**{**stored, "options": tuple(stored.get("options", ()))})


@dataclass(frozen=True, slots=True)
class Problem:
    """A value that does not fit its field (product rule V5); `reason` is a sentence for the log."""

    field_key: str
    label: str
    value: Any
    reason: str


class Projected(msgspec.Struct):
    """What a document says of a person's fields: a value by field key (None clears), and what did not fit."""

    values: dict[str, Value] = {}
    problems: list[Problem] = []


Reader = Callable[[Document], Any]
Fitter = Callable[[Field, Any], Value]


class _Misfit(Exception):
    """Why a value does not fit, as the end of a sentence."""


@dataclass(frozen=True, slots=True)
class Projection:
    """Mappings compiled against the fields of a list."""

    steps: tuple[tuple[Field, Reader, Callable[[str], str] | None, Fitter], ...]

    def project(self, document: Document) -> Projected:
        """The values of every mapped field."""
        projected = Projected()
        for target, read, transform, fit in self.steps:
            value = read(document)
            if transform is not None and isinstance(value, str):
                value = transform(value)
            if value is None or value == "":
                projected.values[target.key] = None
                continue
            try:
                projected.values[target.key] = fit(target, value)
            except _Misfit as misfit:
                reason = f"{target.label} keeps its value: '{str(value)[:_SHOWN]}' {misfit}"
                projected.problems.append(Problem(target.key, target.label, value, reason))
        return projected


def compile(mappings: Iterable[Mapping], fields: Iterable[Field]) -> Projection:
    """A projection of the mappings that are on and whose field exists."""
    by_key = {one.key: one for one in fields if not one.uid}
    return Projection(
        tuple(
            (by_key[one.field], _reader(one.attribute), _TRANSFORMS[one.transform], _FITTERS[by_key[one.field].type])
            for one in mappings
            if one.on and one.field in by_key
        )
    )


def fit(target: Field, text: str) -> Value:
    """What an operator typed, as its field keeps it; None for nothing. Refused where it does not fit (V4, V5)."""
    if not text.strip():
        if target.required:
            raise Refused(f"{target.label} is required: give it a value")
        return None
    if "\x00" in text:
        raise Refused(f"{target.label} holds a character that cannot be stored: remove it")
    if len(text) > LONGEST_TYPED:
        raise Refused(
            f"{target.label} takes {LONGEST_TYPED:,} characters at most, and this has {len(text):,}: shorten it"
        )
    try:
        return _FITTERS[target.type](target, text.strip())
    except _Misfit as misfit:
        raise Refused(f"{target.label}: '{text[:_SHOWN]}' {misfit}") from None


def converted(target: Field, value: Any) -> tuple[bool, Value]:
    """Whether a value that is kept already fits a field, and how the field keeps it."""
    try:
        return True, _FITTERS[target.type](target, value)
    except _Misfit:
        return False, None


def defaults() -> list[tuple[str, str, str]]:
    """The mappings that connecting creates (product rule M2): (attribute path, field label, field type)."""
    return [(one.path, one.default_field, one.type) for one in ATTRIBUTES if one.on and one.path]


def uid_of(document: Document, unique_identifier: str) -> str | None:
    """The UID in a document, trimmed; None where it has none."""
    value = _UIDS[unique_identifier](document)
    return value.strip() or None if isinstance(value, str) else None


def _reader(path: str) -> Reader:
    special = _SPECIAL.get(path)
    if special is not None:
        return special
    selected = _SELECTED.fullmatch(path)
    if selected:
        return _of_type(*selected.groups())
    if path.lower().startswith("urn:"):
        urn, _, name = path.rpartition(":")
        name, _, rest = name.partition(".")
        if rest:
            return lambda document: _plain(_named(_named(_named(document, urn), name), rest))
        return lambda document: _plain(_named(_named(document, urn), name))
    first, _, rest = path.partition(".")
    if rest:
        return lambda document: _plain(_sub(document.get(first), rest))
    return lambda document: _plain(document.get(path))


def _sub(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _named(value: Any, name: str) -> Any:
    """A member by its name in any case: an extension keeps the spelling in which it first came."""
    found = _sub(value, name)
    if found is not None or not isinstance(value, dict):
        return found
    return next((inner for key, inner in value.items() if key.lower() == name.lower()), None)


def _plain(value: Any) -> Any:
    return None if isinstance(value, dict | list) else value


def _elements(document: Document, name: str, sub: str = "value") -> list[Document]:
    """The elements that have the sub-attribute: one without it (its value was removed) says nothing."""
    found = document.get(name)
    return [one for one in found if isinstance(one, dict) and sub in one] if isinstance(found, list) else []


def _typed(elements: list[Document], kind: str) -> Document | None:
    return next((one for one in elements if str(one.get("type", "")).lower() == kind), None)


def _of_type(name: str, kind: str, sub: str) -> Reader:
    return lambda document: _plain(_sub(_typed(_elements(document, name, sub), kind), sub))


def _primary(elements: list[Document]) -> Document | None:
    return next((one for one in elements if one.get("primary") is True), None)


def _primary_email(document: Document) -> Any:
    """The primary one, else the first, else a user name that has the shape of one: Entra may send no emails."""
    elements = _elements(document, "emails")
    if elements:
        return _plain((_primary(elements) or elements[0]).get("value"))
    name = document.get("userName")
    return name if isinstance(name, str) and _EMAIL.fullmatch(name.strip()) else None


def _work_email(document: Document) -> Any:
    elements = _elements(document, "emails")
    if not any(one.get("type") for one in elements):
        return _primary_email(document)
    return _plain(_sub(_typed(elements, "work"), "value"))


def _work_phone(document: Document) -> Any:
    elements = _elements(document, "phoneNumbers")
    untyped = next((one for one in elements if not one.get("type")), None)
    return _plain(_sub(_typed(elements, "work") or _primary(elements) or untyped, "value"))


def _manager(document: Document) -> Any:
    manager = _sub(document.get(ENTERPRISE), "manager")
    return _plain(_sub(manager, "displayName") or _sub(manager, "value"))


def _status(document: Document) -> Any:
    return "Active" if document.get("active", True) else "Inactive"


_SPECIAL: dict[str, Reader] = {
    'emails[type eq "work"].value': _work_email,
    "emails[primary eq true].value": _primary_email,
    'phoneNumbers[type eq "work"].value': _work_phone,
    f"{ENTERPRISE}:manager": _manager,
    "active": _status,
}
_UIDS: dict[str, Reader] = {
    "employeeNumber": lambda document: _as_text(_sub(document.get(ENTERPRISE), "employeeNumber")),
    "userName": lambda document: document.get("userName"),
    "email": _primary_email,
}
_TRANSFORMS: dict[str, Callable[[str], str] | None] = {
    "copy": None,
    "trim": str.strip,
    "lowercase": str.lower,
    "uppercase": str.upper,
}


def _as_text(value: Any) -> str | None:
    if isinstance(value, bool) or value is None or isinstance(value, dict | list):
        return None
    return str(value)


def _fit_text(_: Field, value: Any) -> Value:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def _fit_number(_: Field, value: Any) -> Value:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    try:
        number = math.nan if "_" in str(value) else float(value)  # Python takes 1_000 for a number; nobody else does
        if _INTEGER.fullmatch(value):
            # More digits than a double holds would arrive as another number.
            return int(value)
        if math.isfinite(number) and not _DIGITS.fullmatch(value):
            return number
    except (TypeError, ValueError):
        pass
    raise _Misfit("is not a number that can be kept")


def _fit_email(_: Field, value: Any) -> Value:
    if isinstance(value, str) and _EMAIL.fullmatch(value.strip()):
        return value
    raise _Misfit("is not an e-mail address")


def _fit_date(_: Field, value: Any) -> Value:
    text = str(value).strip()
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).date().isoformat()
    except ValueError:
        raise _Misfit("is not a date (YYYY-MM-DD)") from None


def _fit_dropdown(target: Field, value: Any) -> Value:
    wanted = str(value).strip().casefold()
    for option in target.options:
        if option.strip().casefold() == wanted:
            return option
    raise _Misfit(f"is not one of its options ({', '.join(target.options)[:_SHOWN]})")


_FITTERS: dict[str, Fitter] = {
    "text": _fit_text,
    "number": _fit_number,
    "email": _fit_email,
    "date": _fit_date,
    "dropdown": _fit_dropdown,
}
