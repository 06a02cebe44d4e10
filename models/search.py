"""Reading users and groups by condition, in an order, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from models import group, identity
from models.database import Cursor
from models.resource import Stored


class Sql(NamedTuple):
    """A piece of a statement and its parameters, `%s` each, in order. The row that it speaks of is `r`."""

    text: str
    parameters: tuple[Any, ...] = ()

    @property
    def counted(self) -> "Sql":
        """As a condition that is true or false: what cannot be compared is false, so that `not` is its opposite."""
        return Sql(f"coalesce({self.text}, false)", self.parameters)


def join(word: str, parts: Sequence[Sql]) -> Sql:
    """Several conditions as one, by `and` or `or`."""
    text = f" {word} ".join(part.text for part in parts)
    return Sql(f"({text})", tuple(value for part in parts for value in part.parameters))


MOST_MEMBERS = 100_000  # on one page of groups; a page ends before the group that would exceed it
TRUE, FALSE = Sql("true"), Sql("false")
TABLES = {"user": "identity", "group": "scim_group"}


class Order(NamedTuple):
    """What a list is sorted by: an expression for each resource type, of a SQL type, that may be null or not.

    Without a value a resource comes last, and first where the order is descending (RFC 7644 §3.4.2.3).
    """

    by: dict[str, Sql]
    type: str
    nullable: bool
    descending: bool = False


BY_AGE = Order(dict.fromkeys(TABLES, Sql("r.created")), "timestamptz", False)


class Position(NamedTuple):
    """The last resource of a page: what it was sorted by, as text, and its id."""

    value: str | None
    id: str


class Found(NamedTuple):
    """A resource that was found, and what it is sorted by."""

    resource: str
    id: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Search:
    """What is wanted of a list: `where` holds a condition for each resource type that is asked for."""

    list_id: str
    where: dict[str, Sql]
    order: Order = BY_AGE

    def count(self, cursor: Cursor) -> int:
        """How many there are."""
        total = 0
        for resource in self.where:
            cursor.execute(*self.counting(resource))
            row = cursor.fetchone()
            total += row[0] if row else 0
        return total

    def counting(self, resource: str) -> Sql:
        """The query that counts those of one type. How many there are in all is kept, and the same work in any list."""
        condition = self.where[resource]
        if condition == TRUE:
            kept = "select coalesce(sum(count), 0)::bigint from resource_count where list_id = %s and resource = %s"
            return Sql(kept, (self.list_id, resource))
        return Sql(
            f"select count(*) from {TABLES[resource]} r where r.list_id = %s and {condition.text}",
            (self.list_id, *condition.parameters),
        )

    def page(self, cursor: Cursor, count: int, *, skip: int = 0, after: Position | None = None) -> list[Found]:
        """Up to `count` of them, `skip` passed over, or those that follow a position."""
        cursor.execute(*self.statement(count, skip, after))
        return [Found(row[0], str(row[1]), row[2]) for row in cursor.fetchall()]

    def statement(self, count: int, skip: int, after: Position | None) -> tuple[str, tuple[Any, ...]]:
        """The query of a page, and its parameters."""
        parts = [self._keys(resource, condition, after) for resource, condition in self.where.items()]
        direction = "desc" if self.order.descending else "asc"
        if len(parts) > 1:
            # Or the planner would sort all of both: 0.4 s for 1,000,000 users.
            most = f" order by value {direction}, id {direction} limit %s"
            parts = [Sql(part.text + most, (*part.parameters, skip + count)) for part in parts]
        text = " union all ".join(f"({part.text})" for part in parts)
        # The keys first, from an index where there is one: a page far down reads no document on its way.
        return (
            f"select k.resource, k.id, k.value::text from ({text}) k order by k.value {direction}, k.id {direction}"
            " offset %s limit %s",
            (*(value for part in parts for value in part.parameters), skip, count),
        )

    def _keys(self, resource: str, condition: Sql, after: Position | None) -> Sql:
        by = self.order.by[resource]
        beyond = self._beyond(by, after) if after is not None else TRUE
        return Sql(
            f"select '{resource}' as resource, r.id, {by.text} as value from {TABLES[resource]} r"
            f" where r.list_id = %s and {condition.text} and {beyond.text}",
            (*by.parameters, self.list_id, *condition.parameters, *beyond.parameters),
        )

    def _beyond(self, by: Sql, after: Position) -> Sql:
        """What comes after a position. Nulls are last, or first where the order is descending."""
        sign, kind = "<" if self.order.descending else ">", self.order.type
        if not self.order.nullable:
            text = f"({by.text}, r.id) {sign} (%s::{kind}, %s::uuid)"
            return Sql(text, (*by.parameters, after.value, after.id))
        same = Sql(f"({by.text}) is not distinct from %s::{kind}", (*by.parameters, after.value))
        later_id = Sql(f"r.id {sign} %s::uuid", (after.id,))
        parts = [join("and", [same, later_id]), *self._further(by, after, sign)]
        return join("or", parts)

    def _further(self, by: Sql, after: Position, sign: str) -> list[Sql]:
        """What has another value than a position has, and comes after it."""
        absent, present = (Sql(f"({by.text}) is {word}", by.parameters) for word in ("null", "not null"))
        if after.value is None:
            return [present] if self.order.descending else []
        further = Sql(f"({by.text}) {sign} %s::{self.order.type}", (*by.parameters, after.value))
        return [further] if self.order.descending else [further, absent]


def read(cursor: Cursor, list_id: str, found: Sequence[Found], with_members: bool) -> list[Stored]:
    """The resources that were found, in their order; those that are gone by now are left out.

    A page of large groups ends early; a single group is shown however large it is.
    """
    users = identity.by_ids(cursor, list_id, [one.id for one in found if one.resource == "user"])
    groups = group.by_ids(cursor, list_id, [one.id for one in found if one.resource == "group"])
    stored = [there for one in found if (there := (users if one.resource == "user" else groups).get(one.id))]
    if with_members and groups:
        stored = _within(stored)
        members = group.members_of(cursor, {(list_id, one.id) for one in stored if one.member_count})
        stored = [one.but(members=members.get(one.id)) if one.id in members else one for one in stored]
    return stored


def _within(stored: list[Stored]) -> list[Stored]:
    total = 0
    for number, one in enumerate(stored):
        total += one.member_count
        if number and total > MOST_MEMBERS:
            return stored[:number]
    return stored
