"""The audit: what was acknowledged against identities, people, groups, log and journal."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from models import connection, database
from models.database import Connection
from models.mapping import uid_of
from ops.chaos.ledger import BREACH, DOUBLED, LOST, OUT_OF_ORDER, Finding, Ledger

_IDENTITIES = "select id::text, version, document from identity where list_id = %s"
_PEOPLE = "select identity_id::text, uid, active, fields from person where list_id = %s"
_MEMBERS = "select group_id::text, identity_id::text from group_member where list_id = %s"
_ENTRIES = (
    "select request_id, resource, identity_id::text, operation, changes from log_entry"
    " where list_id = %s and result <> 'rejected' order by id"
)
_LEFT = "select count(*) from journal where list_id = %s"
_ASIDE = "select seq, error from set_aside where list_id = %s"
_BATCH = 10_000
TITLE = "Job Title"


@dataclass(frozen=True, slots=True)
class Entry:
    """An accepted operation, as the log has it."""

    request_id: str
    resource: str
    identity_id: str | None
    operation: str
    changes: Sequence[dict[str, Any]]


def audited(opened: Connection, ledger: Ledger) -> list[Finding]:
    """Everything that is not as the ledger says, in one list."""
    return [
        *ledger.findings, *_waiting(opened, ledger), *_identities(opened, ledger), *_people(opened, ledger),
        *_groups(opened, ledger), *_log(opened, ledger),
    ]  # fmt: skip


def _rows(opened: Connection, ledger: Ledger, sql: str) -> list[tuple[Any, ...]]:
    with database.transaction(opened, [ledger.list_id]) as cursor:
        return cursor.execute(sql.encode(), (ledger.list_id,)).fetchall()


def _waiting(opened: Connection, ledger: Ledger) -> Iterator[Finding]:
    [(count,)] = _rows(opened, ledger, _LEFT)
    if count:
        yield Finding(LOST, f"{count} operations of {ledger.list_id} are in the journal still")
    for seq, error in _rows(opened, ledger, _ASIDE):
        yield Finding(LOST, f"operation {seq} of {ledger.list_id} was set aside: {error}")


def _identities(opened: Connection, ledger: Ledger) -> Iterator[Finding]:
    """What ingress holds is what the provider was told."""
    there = {
        found: (document.get("userName"), document.get("title"), document.get("active"))
        for found, _, document in _rows(opened, ledger, _IDENTITIES)
    }
    told = {user.id: (user.user_name, user.title, user.active) for user in ledger.users if user.id}
    for identity_id in told.keys() - there.keys():
        yield Finding(LOST, f"{told[identity_id]} ({identity_id}) is not there")
    names = {user.user_name for user in ledger.users}
    for identity_id in there.keys() - told.keys():
        known = there[identity_id][0] in names
        yield Finding(DOUBLED if known else BREACH, f"{there[identity_id]} ({identity_id}) is there, and was not told")
    for identity_id in told.keys() & there.keys():
        if told[identity_id] != there[identity_id]:
            yield Finding(LOST, f"{told[identity_id]} was acknowledged, and there is {there[identity_id]}")


def _people(opened: Connection, ledger: Ledger) -> Iterator[Finding]:
    """Each identity's person is the projection of its last document; nobody else is active."""
    with database.transaction(opened, [ledger.list_id]) as cursor:
        projection = connection.rosters(cursor, [ledger.list_id], {})[ledger.list_id].projection
    people = _rows(opened, ledger, _PEOPLE)
    for uid, count in Counter(uid for _, uid, _, _ in people).items():
        if count > 1:
            yield Finding(DOUBLED, f"{count} people have the UID {uid}")
    held = {holder: (uid, active, fields) for holder, uid, active, fields in people if holder is not None}
    documents = {found: document for found, _, document in _rows(opened, ledger, _IDENTITIES)}
    for identity_id, document in documents.items():
        values = projection.project(document).values
        wanted = (uid_of(document, "userName"), document["active"], _filled(values))
        if held.get(identity_id) != wanted:
            yield Finding(LOST, f"the person of {identity_id} is {held.get(identity_id)}, and should be {wanted}")
    for holder, uid, active, _ in people:
        if active and holder not in documents:
            yield Finding(LOST, f"{uid} is active, and nobody whom the provider has is that person")


def _filled(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _groups(opened: Connection, ledger: Ledger) -> Iterator[Finding]:
    there: dict[str, set[str]] = {}
    for group_id, identity_id in _rows(opened, ledger, _MEMBERS):
        there.setdefault(group_id, set()).add(identity_id)
    for team in ledger.teams:
        found = there.get(team.id, set())
        if found != team.members:
            more, less = sorted(found - team.members), sorted(team.members - found)
            yield Finding(LOST, f"the group {team.name} has {more} too many, and {less} too few")


def _log(opened: Connection, ledger: Ledger) -> Iterator[Finding]:
    """Each accepted operation has exactly one entry, and those of an identity are in the order of acceptance."""
    times: Counter[str] = Counter()
    stories: dict[str, list[Entry]] = {}
    for entry in _entries(opened, ledger):
        times[entry.request_id] += 1
        if entry.resource == "user" and entry.identity_id is not None:
            stories.setdefault(entry.identity_id, []).append(entry)
    for request_id in ledger.acknowledged.keys() - times.keys():
        yield Finding(LOST, f"the request {request_id} was acknowledged, and the log has no entry of it")
    for request_id, count in times.items():
        if count > 1:
            yield Finding(DOUBLED, f"the request {request_id} has {count} entries")
    versions = {found: version for found, version, _ in _rows(opened, ledger, _IDENTITIES)}
    for identity_id in stories.keys() - {known for user in ledger.users for known in user.ids}:
        yield Finding(DOUBLED, f"the log tells of {identity_id}, which no provider was given")
    for identity_id, story in stories.items():
        yield from _told_in_order(identity_id, story, ledger.acknowledged, versions.get(identity_id))


def _entries(opened: Connection, ledger: Ledger) -> Iterator[Entry]:
    with database.transaction(opened, [ledger.list_id]), opened.cursor("audit") as cursor:
        database.allow(opened.cursor(), [ledger.list_id])
        cursor.itersize = _BATCH
        for row in cursor.execute(_ENTRIES, (ledger.list_id,)):
            yield Entry(*row)


def _told_in_order(
    identity_id: str, story: Sequence[Entry], acknowledged: dict[str, int], stored: int | None
) -> Iterator[Finding]:
    operations = [entry.operation for entry in story]
    if operations[0] != "create" or operations.count("create") > 1:
        yield Finding(OUT_OF_ORDER, f"{identity_id} was created {operations.count('create')} times, or not first")
    if stored is None and operations[-1] != "delete":
        yield Finding(OUT_OF_ORDER, f"{identity_id} is gone, and its last entry is {operations[-1]}")
    yield from _versions(identity_id, story, acknowledged, stored)
    moves = [change for entry in story for change in entry.changes if change["field"] == TITLE]
    for one, following in zip(moves, moves[1:], strict=False):
        if stored is not None and one["after"] != following["before"]:
            yield Finding(OUT_OF_ORDER, f"{identity_id}: {following} follows {one}")


def _versions(
    identity_id: str, story: Sequence[Entry], acknowledged: dict[str, int], stored: int | None
) -> Iterator[Finding]:
    """Entries follow each other as the versions did that were answered."""
    version = 0
    for entry in story:
        if entry.operation == "delete":
            continue
        told = acknowledged.get(entry.request_id)
        # A repeat of what was committed unheard has an entry of its own, but raises no version.
        version += told != version
        if told not in (None, version):
            yield Finding(OUT_OF_ORDER, f"{identity_id}: version {told} was answered, and the log's is {version}")
    if stored not in (None, version):
        yield Finding(OUT_OF_ORDER, f"{identity_id} has version {stored}, and its log leads to {version}")
