"""Attribute values in their stored form: canonical names, real booleans, one shape per attribute.

Values themselves are never reformatted; what is empty is absent.
"""

import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from unicodedata import category

from ingress.scim.errors import InvalidValue, quote
from ingress.scim.schema import SUB_PLACES, Kind, Place, is_password, member

LONGEST_KEY = 1000  # bytes; a Postgres index entry holds 2,700, and casefolding may double a text
LARGEST = sys.float_info.max  # of a number; a larger one is no number to most who read it
MANY = frozenset(name for name, inner in SUB_PLACES.items() if "type" in inner)  # the multi-valued attributes
MOST_ATTRIBUTES = 1_000  # of one object, the whole user included
MOST_VALUES = 500  # of one multi-valued attribute: a client that adds for ever is told so


def take(where: Place, value: Any) -> Any:
    """The value in its stored form; None for one that says nothing."""
    return _FORMS[where.kind](where, value)


def _text(where: Place, value: Any) -> str | None:
    if isinstance(value, str):
        return value or None
    if value is None:
        return None
    raise unfit(where, "text", value)


def _key_text(where: Place, value: Any) -> str | None:
    text = _text(where, value)
    if text is not None and where.name == "userName" and not (text.isascii() and text.isprintable()):
        _refuse_invisible(where, text)
    if text is not None and len(text) > LONGEST_KEY // 4 and len(text.encode()) > LONGEST_KEY:
        raise InvalidValue(f"{where.label} takes at most {LONGEST_KEY} bytes, and {quote(text)} is longer: shorten it")
    return text


def _refuse_invisible(where: Place, text: str) -> None:
    """Two people must not have names that look the same because one has a character that nobody sees."""
    unseen = next((each for each in text.strip() if category(each) in _UNSEEN or each in _BLANK), None)
    if unseen is not None:
        raise InvalidValue(
            f"{where.label} has the character U+{ord(unseen):04X}, which nobody sees: remove it from the user name in"
            " your identity provider"
        )


# Controls, formats (zero-width characters, direction marks), breaks of line and paragraph; and letters without a shape.
_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp"})
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {chr(n) for n in range(0xFE00, 0xFE10)}
_BOOLEANS = {"True": True, "true": True, "False": False, "false": False}


def boolean(where: Place, value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if value is None or value == "":
        return None
    if isinstance(value, str) and value in _BOOLEANS:
        return _BOOLEANS[value]
    raise unfit(where, "true or false", value)


def _complex(where: Place, value: Any) -> dict[str, Any] | None:
    if value is None or value == "":
        return None
    if not isinstance(value, dict):
        raise unfit(where, "an object", value)
    return parts(where, value) or None


def parts(where: Place, value: dict[str, Any], keep_empty: bool = False) -> dict[str, Any]:
    """The sub-attributes that the schema knows; with `keep_empty`, None stands for one that is unset."""
    taken: dict[str, Any] = {}
    known, text = SUB_PLACES[where.name], Kind.TEXT
    for name, part in value.items():
        inner = known.get(name) or known.get(name.lower())
        if inner is None:
            continue
        found = part if inner.kind is text and part.__class__ is str else _FORMS[inner.kind](inner, part)
        if found or found is False:
            taken[inner.last] = found
        elif keep_empty:
            taken[inner.last] = None
    return taken


def _many(where: Place, value: Any) -> list[dict[str, Any]] | None:
    taken = []
    for each in _elements(where, value):
        found = parts(where, each) if each.__class__ is dict else bare_element(where, each)
        if found:
            taken.append(found)
    return taken or None


def _elements(where: Place, value: Any) -> list[Any]:
    elements = value if isinstance(value, list) else single_element(value)
    if len(elements) > MOST_VALUES:
        raise InvalidValue(f"{where.label} takes at most {MOST_VALUES} values, and {len(elements)} arrived: send fewer")
    return elements


def check_count(label: str, value: dict[str, Any]) -> None:
    """Refuse an object of more attributes than anybody has: what is made of it takes time and memory."""
    if len(value) > MOST_ATTRIBUTES:
        raise InvalidValue(
            f"{label} has at most {MOST_ATTRIBUTES:,} attributes, and {len(value):,} arrived: send fewer"
        )


def element_parts(where: Place, value: Any) -> list[dict[str, Any]]:
    """What a value says of elements that are there already, one object each; None stands for a part that is unset."""
    elements = _elements(where, value)
    if where.kind is Kind.CUSTOM:
        return [_custom_parts(where, each) for each in elements if isinstance(each, dict)]
    return [parts(where, each, True) if isinstance(each, dict) else bare_element(where, each) for each in elements]


def custom_value(where: Place, value: Any) -> Any:
    """A value for an attribute of an unknown extension; within an object None stands for a part that is unset."""
    return _custom_parts(where, value) if isinstance(value, dict) and value else _custom(where, value)


def _custom_parts(where: Place, value: dict[str, Any]) -> dict[str, Any]:
    check_count(where.label, value)
    return {name: _custom(where, inner) for name, inner in value.items() if not is_password(name)}


def bare_element(where: Place, value: Any) -> dict[str, Any]:
    """One element of a multi-valued attribute that is not an object: a text is its value."""
    if value is None or value == "":
        return {}
    if isinstance(value, str) and "value" in SUB_PLACES[where.name]:
        return parts(where, {"value": value})
    raise unfit(where, "a list of objects", value)


def _manager(where: Place, value: Any) -> dict[str, Any] | None:
    value = single_manager(value)
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return {"value": value}
    if not isinstance(value, dict):
        raise unfit(where, "a user's id", value)
    return parts(where, manager_id(value)) or None


def _custom(where: Place, value: Any) -> Any:
    """A value of an extension that Muster does not know: as sent, without what is empty."""
    match value:
        case None | "":
            return None
        case dict():
            return {name: inner for name, inner in _custom_parts(where, value).items() if inner is not None} or None
        case list():
            taken = (_custom(where, each) for each in _elements(where, value))
            return [inner for inner in taken if inner is not None] or None
        case int() | float() if not isinstance(value, bool):
            return _number(where, value)
    return value


def _number(where: Place, value: int | float) -> int | float:
    if isinstance(value, float) and 1e16 <= abs(value) <= LARGEST:
        # Written with an exponent, which the database spells out: answered so from the first time on.
        value = int(Decimal(repr(value)))
    if not abs(value) <= LARGEST:
        raise InvalidValue(f"{where.label} has a number that is too large to be kept: send it as text")
    return value


def _member_ids(where: Place, value: Any) -> list[str]:
    """The ids of a group's members, whatever else is said of them (C18); an empty list where there are none."""
    if where.sub is not None:
        raise InvalidValue(f"{where.label} is part of a member: send members as a list of objects with a value")
    ids = (_member_id(where, each) for each in (value if isinstance(value, list) else single_element(value)))
    return list(dict.fromkeys(each for each in ids if each is not None))


def _member_id(where: Place, value: Any) -> str | None:
    found = value
    if isinstance(value, dict) and value:
        found = member(value, "value", value)  # an object without one is no id
    if found in (None, "", {}):  # what is empty names nobody
        return None
    if not isinstance(found, str):
        raise unfit(where, "the id of a user as each value", found)
    return found


def ignored(where: Place, value: Any) -> None:
    return None


def unfit(where: Place, wanted: str, value: Any) -> InvalidValue:
    return InvalidValue(f"{where.label} takes {wanted}, and {quote(value)} arrived: send {wanted}")


_FORMS: dict[str, Callable[[Place, Any], Any]] = {
    Kind.TEXT: _text,
    Kind.KEY_TEXT: _key_text,
    Kind.BOOLEAN: boolean,
    Kind.COMPLEX: _complex,
    Kind.MANY: _many,
    Kind.MANAGER: _manager,
    Kind.MEMBERS: _member_ids,
    Kind.CUSTOM: _custom,
    Kind.READ_ONLY: ignored,
    Kind.IGNORED: ignored,
}


def single_element(value: Any) -> list[Any]:
    """OneLogin's template sends one e-mail address as an object, not as an array."""
    return [] if value is None or value == "" else [value]


def single_manager(value: Any) -> Any:
    """Entra sends the manager as a list of one."""
    if isinstance(value, list):
        return value[0] if value else None
    return value


def manager_id(value: dict[str, Any]) -> dict[str, Any]:
    """OneLogin's 1.1 template calls the manager's value managerId."""
    wanted = next((name for name in value if name.lower() == "managerid"), None)
    if wanted is None or any(name.lower() == "value" for name in value):
        return value
    return {**value, "value": value[wanted]}


def op_name(op: Any) -> Any:
    """Entra sends 'Add', 'Replace' and 'Remove'."""
    return op.lower() if isinstance(op, str) else op
