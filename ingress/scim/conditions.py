"""A filter's tree compiled to a SQL condition (RFC 7644 §3.4.2.2). Values travel as parameters, always.

SQL's third truth value stands for false, and never reaches a `not`. `ne` is the opposite of `eq`: for
an attribute with several values it holds where none of them equals the operand.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from ingress.scim.attributes import Column, Compared, column, default
from ingress.scim.errors import InvalidFilter, quote
from ingress.scim.filters import Bare, Comparison, Either, Every, Node, Not, Selection, flat
from ingress.scim.schema import Schema
from models.search import FALSE, Sql, join
from models.text import UUID, equality_key, fold

# A numeric of Postgres ends at 131,072 digits; what has a longer exponent is compared as text.
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII)
_SIGNS = {"eq": "=", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_PARTS = {"co": "strpos({0}, %s) > 0", "sw": "starts_with({0}, %s)", "ew": "right({0}, char_length(%s)) = %s"}
_BOOLEANS = {"true": True, "false": False}
Seen = Callable[[str, str], bool]


def resolve(path: str, of: Schema, seen: Seen) -> Column | None:
    """The column that a path means; None for what a list of this type has not."""
    found = column(path, of)
    return None if found is not None and found.custom and not seen(*found.custom) else found


@dataclass(frozen=True, slots=True)
class Compiler:
    """Compiles for one resource type of one list.

    `seen` tells whether the list has an attribute of an extension, by URN and name. `elsewhere` are
    the other resource types that are searched as well, with theirs: what only they have is without
    a value here (RFC 7644 §3.4.2.1). `unique_identifier` is the list's, whose keys are in a column.
    """

    list_id: str
    of: Schema
    seen: Seen
    elsewhere: tuple[tuple[Schema, Seen], ...] = ()
    unique_identifier: str = ""

    def condition(self, node: Node) -> Sql:
        """The condition on a row `r`; refused where it asks for what cannot be answered truly."""
        match node:
            case Every(terms):
                return join("and", [self.condition(term) for term in terms])
            case Either(terms):
                return join("or", [self.condition(term) for term in terms])
            case Not(term):
                return _not(self.condition(term))
            case Comparison(path, operator, value):
                return self._comparison(path, operator, value)
            case Selection(path, where):
                return self._selection(path, where)

    def _column(self, path: str) -> Column | None:
        found = resolve(path, self.of, self.seen)
        if found is None and not any(resolve(path, *other) for other in self.elsewhere):
            raise InvalidFilter(
                f"{quote(path)} is no attribute of a {self.of.name} of this list that can be filtered by: see /Schemas"
            )
        return found

    def _comparison(self, path: str, operator: str, value: Any) -> Sql:
        named = self._column(path)
        if named is None:
            return _not(FALSE) if operator == "ne" else FALSE
        if operator == "pr" or value is None:
            return _presence(named, operator)
        found = default(named, self.of)
        if found is None:
            raise InvalidFilter(f"{quote(path)} has several parts: name one of them, or ask for its presence with pr")
        if operator == "ne":
            return _not(self._compared(found, "eq", value))
        return self._compared(found, operator, value)

    def _compared(self, found: Column, operator: str, value: Any) -> Sql:
        if operator == "eq" and found.lookup is not None:
            return self._looked_up(found, value)
        if operator == "eq" and found.label == self.unique_identifier == "employeeNumber":
            # Two indexes of active and of inactive users, the smaller of which most creates need not touch.
            key = equality_key(_text(found, value))
            return Sql("(r.active and r.uid_key = %s or not r.active and r.uid_key = %s)", (key, key))
        return _any(found, test(found, operator, value))

    def _looked_up(self, found: Column, value: Any) -> Sql:
        """By the index of a table beside: the planner may begin there."""
        text = _text(found, value)
        if found.compared is Compared.ID and not UUID.fullmatch(text):
            return FALSE
        key = text if found.compared is Compared.ID else equality_key(text)
        return Sql(f"r.id in ({found.lookup})", (self.list_id, key))

    def _selection(self, path: str, where: Node) -> Sql:
        named = self._column(path)
        if named is None:
            return FALSE
        if named.values is None:
            raise InvalidFilter(f"{quote(path)} has one value: write {quote(path)}.value instead of brackets")
        condition = self._within(named, path, where)
        text = f"exists (select {named.values.text} and {condition.text})"
        whole = Sql(text, (*named.values.parameters, *condition.parameters))
        indexed = self._implied(path, where)
        return join("and", [indexed, whole]) if indexed is not None else whole

    def _implied(self, path: str, where: Node) -> Sql | None:
        """A look-up that has to hit if the selection holds: `emails[type eq "work" and value eq "x"]`."""
        value = _wanted_value(where)
        found = column(f"{path}.value", self.of) if value is not None else None
        return self._looked_up(found, value) if found is not None and found.lookup is not None else None

    def _within(self, named: Column, path: str, node: Node) -> Sql:
        match node:
            case Every(terms):
                return join("and", [self._within(named, path, term) for term in terms])
            case Either(terms):
                return join("or", [self._within(named, path, term) for term in terms])
            case Not(term):
                return _not(self._within(named, path, term))
            case Comparison(sub, operator, value):
                return _of_element(self._sub(named, path, sub), operator, value)
            case Selection():
                raise InvalidFilter(f"the filter inside {quote(path)}[…] holds another one: brackets do not nest")

    def _sub(self, named: Column, path: str, sub: str) -> Column:
        if ":" not in sub and "." not in sub:
            if named.compared is Compared.ANY:
                if sub.lower() == "value":
                    # Of an object its value, and a plain element is its own.
                    own = (
                        "case jsonb_typeof(e.value) when 'object' then muster_member(e.value, 'value') else e.value end"
                    )
                    elements = Sql(f"from muster_elements({own}) s (value) where true")
                    return Column(f"{path}.value", Compared.ANY, Sql("s.value"), elements)
                values = Sql("from muster_elements(muster_member(e.value, %s)) s (value) where true", (sub,))
                return Column(f"{path}.{sub}", Compared.ANY, Sql("s.value"), values)
            found = column(f"{named.label}.{sub}", self.of)
            if found is not None:
                return replace(found, values=None)
        raise InvalidFilter(f"{quote(path)} has no {quote(sub)} to filter by: see /Schemas for what it has")


def _not(condition: Sql) -> Sql:
    return Sql(f"not {condition.counted.text}", condition.parameters)


def _any(found: Column, condition: Sql) -> Sql:
    """The condition for one value, asked of every value where there are several."""
    if found.values is None:
        return condition
    text = f"exists (select {found.values.text} and {condition.text})"
    return Sql(text, (*found.values.parameters, *condition.parameters))


def _of_element(found: Column, operator: str, value: Any) -> Sql:
    """A comparison of one element's part, whose values (if it has several) are within the element."""
    if operator == "pr" or value is None:
        return _presence(found, operator)
    if operator == "ne":
        return _not(_any(found, test(found, "eq", value)))
    return _any(found, test(found, operator, value))


def _presence(found: Column, operator: str) -> Sql:
    """`pr`, and `eq null`, which is its opposite."""
    if operator not in ("pr", "ne", "eq"):
        raise InvalidFilter(f"{found.label} {operator} null says nothing: use pr, or eq null")
    there = _any(found, Sql(f"({found.expression.text}) is not null", found.expression.parameters))
    return _not(there) if operator == "eq" else there


def test(found: Column, operator: str, value: Any) -> Sql:
    """One comparison of one value; null where there is none. `value` is not None."""
    match found.compared:
        case Compared.BOOLEAN:
            return _boolean(found, operator, value)
        case Compared.TIME:
            return _time(found, operator, value)
        case Compared.ID:
            return _id(found, operator, _text(found, value))
        case Compared.ANY:
            return _untyped(found, operator, value)
        case Compared.BINARY if operator != "eq":
            raise _unfit(found, operator, "eq, ne or pr")
        case Compared.EXACT | Compared.BINARY:
            return _textual(found.expression, operator, _text(found, value), exact=True)
        case Compared.KEY:
            return _textual(found.expression, operator, _text(found, value))
    return _textual(_keyed(found.expression), operator, _text(found, value))


def _unfit(found: Column, operator: str, use: str) -> InvalidFilter:
    return InvalidFilter(f"'{operator}' cannot compare {found.label}: use {use}")


def _keyed(expression: Sql) -> Sql:
    return Sql(f"muster_key({expression.text})", expression.parameters)


def _text(found: Column, value: Any) -> str:
    if isinstance(value, bool):
        raise InvalidFilter(f"{found.label} is compared with text, and {quote(value)} arrived: put it in quotes")
    return str(value)


def _textual(left: Sql, operator: str, value: str, exact: bool = False) -> Sql:
    if operator in _PARTS:
        part = value if exact else fold(value)
        return Sql(_PARTS[operator].format(f"({left.text})"), (*left.parameters, *[part] * (1 + (operator == "ew"))))
    # Order is by code point, whatever the database's locale is; equality is the same in any, and uses its index.
    collation = "" if operator == "eq" else ' collate "C"'
    whole = value if exact else equality_key(value)
    return Sql(f"({left.text}){collation} {_SIGNS[operator]} %s", (*left.parameters, whole))


def _id(found: Column, operator: str, value: str) -> Sql:
    if operator != "eq":
        return _textual(Sql(f"({found.expression.text})::text"), operator, value, exact=True)
    return Sql(f"{found.expression.text} = %s::uuid", (value,)) if UUID.fullmatch(value) else FALSE


def _boolean(found: Column, operator: str, value: Any) -> Sql:
    if operator != "eq":
        raise _unfit(found, operator, "eq, ne or pr")
    wanted = value if isinstance(value, bool) else _BOOLEANS.get(str(value).lower())
    if wanted is None:
        raise InvalidFilter(f"{found.label} is compared with true or false, and {quote(value)} arrived: send one")
    return Sql(f"({found.expression.text}) = %s", (wanted,))


def _time(found: Column, operator: str, value: Any) -> Sql:
    if operator not in _SIGNS:
        raise _unfit(found, operator, "eq, ne, gt, ge, lt, le or pr")
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise InvalidFilter(
            f"{found.label} is compared with a time, and {quote(value)} arrived: write it as 2026-01-31T08:00:00Z"
        ) from None
    return Sql(f"{found.expression.text} {_SIGNS[operator]} %s", (moment if moment.tzinfo else _utc(moment),))


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)


def _untyped(found: Column, operator: str, value: Any) -> Sql:
    """A value of an unknown extension: a number as a number, all else as text, true and false included."""
    left = found.expression
    text = Sql(
        f"case jsonb_typeof({left.text}) when 'string' then muster_key(({left.text}) #>> '{{}}')"
        f" when 'boolean' then ({left.text}) #>> '{{}}' end",
        left.parameters * 3,
    )
    spelt = str(value).lower() if isinstance(value, bool) else str(value)
    tests = [_textual(text, operator, spelt)]
    number = _number(value)
    if number is not None and operator in _SIGNS:
        as_number = f"case jsonb_typeof({left.text}) when 'number' then (({left.text}) #>> '{{}}')::numeric end"
        tests.append(Sql(f"({as_number}) {_SIGNS[operator]} %s::numeric", (*left.parameters * 2, number)))
    return join("or", tests)


def _number(value: Any) -> str | None:
    if isinstance(value, bool) or (isinstance(value, str) and not isinstance(value, Bare)):
        return None
    return str(value) if _NUMBER.fullmatch(str(value)) else None


_QUICK = ("id", "username", "externalid", "emails", "emails.value", "members", "members.value")


def is_quick(node: Node, of: Schema) -> bool:
    """Whether an index finds the few resources that a filter can be true of: at least one of the terms that
    all have to hold is such a look-up."""
    for term in flat(node):
        match term:
            case Comparison(path, "eq", str()):
                found = column(path, of)
                if found is not None and (found.label.lower() in _QUICK or found.compared is Compared.KEY):
                    return True
            case Selection(path, where) if _wanted_value(where) is not None:
                found = column(f"{path}.value", of)
                if found is not None and found.lookup is not None:
                    return True
    return False


def _wanted_value(where: Node) -> str | None:
    """The text that an element's value has to equal, if the terms say so."""
    for term in flat(where):
        match term:
            case Comparison(sub, "eq", str(value)) if sub.lower() == "value":
                return value
    return None
