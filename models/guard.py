"""A list's guard against waves of deactivations (product rule V9): its settings, and what it counts.

Whom it stops is in `hold`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models.database import Cursor
from models.errors import Refused

PERCENT, AT_LEAST = 20, 50
MOST = 1_000_000  # people; a limit to what is typed, not to a list
WINDOW = "interval '1 hour'"


@dataclass(frozen=True, slots=True)
class Guard:
    """How many deactivations within an hour are a wave."""

    enabled: bool = False
    percent: int = PERCENT
    at_least: int = AT_LEAST
    holding: str | None = None  # the request id whose deactivations are all held: Directory Sync has counted them

    def allowed(self, people: int) -> int:
        """How many of so many active people may be deactivated within an hour: a wave is more than the
        percentage of them, and at least `at_least`."""
        return max(people * self.percent // 100, self.at_least - 1)


def of_list(cursor: Cursor, list_id: str) -> Guard:
    """A list's guard; off where nobody has switched it on."""
    cursor.execute("select enabled, percent, at_least, holding from guard where list_id = %s", (list_id,))
    row = cursor.fetchone()
    return Guard(*row) if row else Guard()


def save(cursor: Cursor, list_id: str, guard: Guard) -> None:
    """Set a list's guard. Its hour begins when it is switched on; what is held stays held when it is switched off."""
    if not 1 <= guard.percent <= 100:
        raise Refused(f"{guard.percent} % is no share of the people: give a whole number from 1 to 100")
    if not 1 <= guard.at_least <= MOST:
        raise Refused(f"{guard.at_least} is no number of people: give a whole number from 1 to {MOST:,}")
    cursor.execute(
        "insert into guard (list_id, enabled, percent, at_least) values (%(list)s, %(enabled)s, %(percent)s, %(least)s)"
        " on conflict (list_id) do update set enabled = excluded.enabled, percent = excluded.percent,"
        " at_least = excluded.at_least",
        {"list": list_id, "enabled": guard.enabled, "percent": guard.percent, "least": guard.at_least},
    )
    if not guard.enabled:
        cursor.execute("delete from deactivation where list_id = %s", (list_id,))


def enter(cursor: Cursor, list_ids: Sequence[str]) -> dict[str, Guard]:
    """The guards of those of these lists that have one, locked until the transaction ends.

    Drains of one list that deactivate somebody come one after another, so that each counts what
    the others did: in later statements, whose snapshots are younger than the lock.
    """
    cursor.execute(
        "select list_id, enabled, percent, at_least, holding from guard where list_id = any(%b::text[]) and enabled"
        " order by list_id for no key update",
        (list(list_ids),),
    )
    return {row[0]: Guard(*row[1:]) for row in cursor.fetchall()}


def lately(cursor: Cursor, list_ids: Sequence[str]) -> dict[str, int]:
    """How many people of these lists were deactivated within the last hour."""
    cursor.execute(
        "select k.list_id, (select count(*) from deactivation d where d.list_id = k.list_id"
        f" and d.at > clock_timestamp() - {WINDOW}) from unnest(%b::text[]) k (list_id)",
        (list(list_ids),),
    )
    return {row[0]: row[1] for row in cursor.fetchall()}


def active(cursor: Cursor, list_ids: Sequence[str]) -> dict[str, int]:
    """How many people of these lists are active: two counts, each along an index."""
    cursor.execute(
        "select k.list_id, (select count(*) from person p where p.list_id = k.list_id)"
        " - (select count(*) from person p where p.list_id = k.list_id and not p.active)"
        " from unnest(%b::text[]) k (list_id)",
        (list(list_ids),),
    )
    return {row[0]: row[1] for row in cursor.fetchall()}


def note(cursor: Cursor, deactivated: Sequence[tuple[str, str]]) -> None:
    """Count these people, (list, person) each, and forget those of their lists whose hour is over."""
    cursor.execute(
        f"delete from deactivation where list_id = any(%b::text[]) and at <= clock_timestamp() - {WINDOW}",
        (sorted({list_id for list_id, _ in deactivated}),),
    )
    cursor.execute(
        "insert into deactivation (list_id, person_id) select * from unnest(%b::text[], %b::uuid[])"
        " on conflict (list_id, person_id) do update set at = excluded.at",
        ([list_id for list_id, _ in deactivated], [person_id for _, person_id in deactivated]),
    )
