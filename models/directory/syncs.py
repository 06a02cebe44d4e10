"""How a list is pulled from its directory (product rule D2): whom, when, and how far Graph was read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from models import connection as links
from models import guard
from models.attributes import ENTRA, GRAPH
from models.database import Cursor
from models.directory import connections
from models.directory.schedule import Schedule
from models.errors import Refused, Taken, Unknown
from models.organisation import DIRECTORY

MOST_GROUPS = 500


class Group(NamedTuple):
    """A group of the directory that was chosen: its object id, and its name at that time."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom a list holds: the members of these groups, or (None) everybody; with or without guests."""

    groups: Sequence[Group] | None
    guests: bool = True

    def checked(self) -> "Scope":
        """The same, each group once; refused where it holds nobody."""
        if self.groups is None:
            return self
        once = tuple({group.id: group for group in self.groups}.values())
        if not once:
            raise Refused("choose at least one group, or everybody in the directory")
        if len(once) > MOST_GROUPS:
            raise Refused(f"{len(once):,} groups are chosen, and {MOST_GROUPS} is the most: choose larger ones")
        return Scope(once, self.guests)


@dataclass(frozen=True, slots=True)
class Sync:
    """The Directory Sync of a list. `position` is where each stream of Graph's is (`workers.directory.streams`);
    `round` counts the times that everybody was read anew."""

    list_id: str
    connection_id: str
    scope: Scope
    schedule: Schedule
    next_at: datetime | None
    round: int
    position: dict[str, Any]


_COLUMNS = (
    "s.list_id, s.directory_connection_id::text, s.groups, s.guests, s.every_minutes, s.at_minute, s.time_zone,"
    " s.next_at, s.round, s.position"
)


def _sync(row: tuple[Any, ...]) -> Sync:
    groups = None if row[2] is None else tuple(Group(one["id"], one["name"]) for one in row[2])
    return Sync(row[0], row[1], Scope(groups, row[3]), Schedule(*row[4:7]), *row[7:])


def of_list(cursor: Cursor, list_id: str, lock: bool = False) -> Sync | None:
    """The sync of a list; None where it has none."""
    cursor.execute(
        f"select {_COLUMNS} from directory_sync s where s.list_id = %s" + (" for no key update" if lock else ""),
        (list_id,),
    )
    row = cursor.fetchone()
    return _sync(row) if row else None


def connect(
    cursor: Cursor,
    organisation_id: str,
    list_id: str,
    connection_id: str,
    unique_identifier: str,
    scope: Scope,
    schedule: Schedule,
    by: str,
) -> None:
    """Connect a list to Directory Sync: default mappings as for SCIM, and its guard switched on (V9)."""
    scope, schedule = scope.checked(), schedule.checked()
    connections.find(cursor, organisation_id, connection_id, lock=True)
    links.connect(cursor, list_id, unique_identifier, by, DIRECTORY)
    # What an earlier provider filled and this one never tells would be cleared by the first run.
    cursor.execute(
        "update field_mapping set enabled = false where list_id = %s and attribute <> all(%s)"
        " and not starts_with(attribute, %s)",
        (list_id, list(GRAPH), f"{ENTRA}:"),
    )
    cursor.execute(
        "insert into guard (list_id, enabled, percent, at_least) values (%s, true, %s, %s)"
        " on conflict (list_id) do update set enabled = true, holding = null",
        (list_id, guard.PERCENT, guard.AT_LEAST),
    )
    cursor.execute(
        "insert into directory_sync (list_id, directory_connection_id, groups, guests, every_minutes, at_minute,"
        " time_zone, next_at) values (%s, %s, %s, %s, %s, %s, %s, %s)",
        (list_id, connection_id, _groups(scope), scope.guests, *_parameters(schedule, list_id)),
    )


def change(
    cursor: Cursor, organisation_id: str, list_id: str, connection_id: str, scope: Scope, schedule: Schedule
) -> list[str]:
    """Pull another way from the next run on; returns what changed, a phrase each."""
    scope, schedule = scope.checked(), schedule.checked()
    wanted = connections.find(cursor, organisation_id, connection_id, lock=True)
    present = of_list(cursor, list_id, lock=True)
    if present is None:
        raise Refused("this list is not connected to Directory Sync: connect it first")
    links.check_connected(cursor, list_id, DIRECTORY)
    if is_running(cursor, list_id):
        raise Taken("a run is at work with the present choice: change it when the run is over")
    old = connections.find(cursor, organisation_id, present.connection_id)
    if (old.cloud, old.tenant_id.lower()) != (wanted.cloud, wanted.tenant_id.lower()):
        raise Refused(
            f"'{wanted.name}' is another tenant, with other people: disconnect the list first, then connect it there"
        )
    changed = _differences(present, wanted.id, scope, schedule)
    position = _position_after(present, scope)
    if scope.groups is None:
        cursor.execute("delete from directory_member where list_id = %s", (list_id,))
    else:
        cursor.execute(
            "delete from directory_member where list_id = %s and group_id <> all(%s)",
            (list_id, [group.id for group in scope.groups]),
        )
    cursor.execute(
        "update directory_sync set directory_connection_id = %s, groups = %s, guests = %s, every_minutes = %s,"
        " at_minute = %s, time_zone = %s, next_at = %s, position = %s where list_id = %s",
        (connection_id, _groups(scope), scope.guests, *_parameters(schedule, list_id), Jsonb(position), list_id),
    )
    return changed


def _differences(present: Sync, connection_id: str, scope: Scope, schedule: Schedule) -> list[str]:
    phrases = {
        "connection": present.connection_id != connection_id,
        "groups": present.scope.groups != scope.groups,
        "guests": present.scope.guests != scope.guests,
        "schedule": present.schedule != schedule,
    }
    return [phrase for phrase, differs in phrases.items() if differs]


def _position_after(present: Sync, scope: Scope) -> dict[str, Any]:
    """Where reading goes on: members are read anew where the groups differ; users, whom only those in scope are
    remembered of, where more of them may be wanted."""
    position = dict(present.position)
    if present.scope.groups != scope.groups:
        position = {name: stream for name, stream in position.items() if name == "users"}
    if present.scope.guests != scope.guests or (scope.groups is None and present.scope.groups is not None):
        position.pop("users", None)
    return position


def _groups(scope: Scope) -> Jsonb | None:
    return None if scope.groups is None else Jsonb([group._asdict() for group in scope.groups])


def _parameters(schedule: Schedule, list_id: str) -> tuple[Any, ...]:
    next_at = schedule.next_after(datetime.now(UTC), list_id)
    return schedule.every_minutes, schedule.at_minute, schedule.time_zone, next_at


def move(cursor: Cursor, list_id: str, position: Mapping[str, Any], round: int) -> None:
    """Write down how far Graph was read, together with what was read."""
    cursor.execute(
        "update directory_sync set position = %s, round = %s where list_id = %s",
        (Jsonb(dict(position)), round, list_id),
    )


def rename_group(cursor: Cursor, list_id: str, group_id: str, name: str) -> None:
    """A chosen group has another name by now."""
    cursor.execute(
        "update directory_sync set groups = (select jsonb_agg(case when g->>'id' = %(id)s then"
        " jsonb_build_object('id', %(id)s::text, 'name', %(name)s::text) else g end order by n)"
        " from jsonb_array_elements(groups) with ordinality as e (g, n)) where list_id = %(list)s"
        " and jsonb_path_exists(groups, '$[*] ? (@.id == $id && @.name != $name)', jsonb_build_object("
        "'id', %(id)s::text, 'name', %(name)s::text))",
        {"list": list_id, "id": group_id, "name": name},
    )


def is_running(cursor: Cursor, list_id: str) -> bool:
    """Whether a run of the list is open."""
    cursor.execute(
        "select exists (select from job where list_id = %s and kind = %s and finished_at is null)",
        (list_id, DIRECTORY),
    )
    row = cursor.fetchone()
    return bool(row and row[0])


def credentials(cursor: Cursor, list_id: str) -> connections.DirectoryConnection:
    """The directory connection of a list; Unknown where it is not connected (any more)."""
    cursor.execute(
        "select l.organisation_id::text, s.directory_connection_id::text from directory_sync s"
        " join master_list l on l.id = s.list_id where s.list_id = %s",
        (list_id,),
    )
    row = cursor.fetchone()
    if row is None:
        raise Unknown("this list is not connected to Directory Sync (any more)")
    return connections.find(cursor, row[0], row[1])


def groups_of(cursor: Cursor, list_id: str, object_id: str) -> list[str]:
    """The names of the chosen groups that a user of the directory is in."""
    cursor.execute(
        "select g->>'name' from directory_sync s cross join jsonb_array_elements(s.groups) g where s.list_id = %s and"
        " exists (select from directory_member m where m.list_id = s.list_id and m.group_id = g->>'id'"
        " and m.object_id = %s) order by 1",
        (list_id, object_id),
    )
    return [row[0] for row in cursor.fetchall()]
