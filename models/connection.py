"""A list's link to its provider: connect, disconnect, forget (product rules C1–C4)."""

from dataclasses import dataclass
from datetime import datetime

from models import hold, journal, mapping, master_list
from models.database import Cursor, lock_key
from models.errors import Refused, Unknown
from models.mapping import Projection
from models.organisation import DIRECTORY, SCIM, require

PROVIDERS = {SCIM: "Automated User Provisioning", DIRECTORY: "Directory Sync (Entra ID)"}
FORGET_SLICE = 2_000  # identities, or rows beside them; a slice holds its locks for tens of milliseconds


@dataclass(frozen=True, slots=True)
class Roster:
    """How a list turns documents into people: its unique identifier and compiled mappings."""

    list_id: str
    version: tuple[int, datetime, int]  # of the mappings, when this connection began, and of the schema
    unique_identifier: str
    projection: Projection
    labels: dict[str, str]


@dataclass(frozen=True, slots=True)
class Details:
    """A list's connection as its Sync tab shows it."""

    provider: str
    unique_identifier: str
    state: str
    connected_by: str
    connected_at: datetime
    last_request_at: datetime | None  # any request of its tokens, refused ones too; None before the first
    idp: str | None  # guessed from the newest entry that tells
    mapped: int  # mappings that are on
    networks: list[str]  # from which its provider may come, in CIDR; none: from anywhere


def details(cursor: Cursor, list_id: str) -> Details | None:
    """How a list is connected; None where it is not."""
    cursor.execute(
        "select c.provider, c.unique_identifier, c.state, c.connected_by, c.connected_at,"
        " greatest((select max(t.last_used_at) from bearer_token t"
        " where t.list_id = c.list_id and t.created_at >= c.connected_at),"
        " (select e.at from log_entry e where e.list_id = c.list_id and e.at > c.connected_at"
        " order by e.at desc limit 1)),"
        " (select e.idp from (select idp from log_entry where list_id = c.list_id and at > c.connected_at"
        " order by at desc limit 200) e where e.idp is not null limit 1),"
        " (select count(*) from field_mapping m where m.list_id = c.list_id and m.enabled),"
        " c.networks::text[] from connection c where c.list_id = %s",
        (list_id,),
    )
    row = cursor.fetchone()
    return Details(*row) if row else None


def connect(cursor: Cursor, list_id: str, unique_identifier: str, by: str, provider: str = SCIM) -> None:
    """Connect a list to a provider, with the default mappings and their fields."""
    if unique_identifier not in mapping.UNIQUE_IDENTIFIERS:
        raise Refused(
            f"unique identifier '{unique_identifier}' does not exist:"
            f" choose one of {', '.join(mapping.UNIQUE_IDENTIFIERS)}"
        )
    require(_plan(cursor, list_id), provider)
    cursor.execute(
        # The mappings that an earlier connection left keep their version's number going: an editor that was
        # opened under it must not save over what came later.
        "insert into connection (list_id, provider, unique_identifier, state, connected_by, mapping_version)"
        " select %(list)s, %(provider)s, %(uid)s, 'connected', %(by)s,"
        " 1 + coalesce(max((progress->>'version')::int), 0)"
        " from job where list_id = %(list)s and kind = 'remap' on conflict (list_id) do nothing",
        {"list": list_id, "provider": provider, "uid": unique_identifier, "by": by},
    )
    if cursor.rowcount != 1:
        raise Refused(_why_not(cursor, list_id))
    _default_mappings(cursor, list_id)


def _plan(cursor: Cursor, list_id: str) -> str:
    cursor.execute(
        "select o.plan from master_list l join organisation o on o.id = l.organisation_id where l.id = %s",
        (list_id,),
    )
    row = cursor.fetchone()
    if row is None:
        raise Unknown(f"no list has the id '{list_id}'")
    return str(row[0])


def check_connected(cursor: Cursor, list_id: str, provider: str) -> str:
    """Which attribute is the UID of a list that this provider may fill now; refused where it may not.

    To ask with the shared lock that `disconnect` takes exclusively (`enter`), in a later statement.
    """
    cursor.execute(
        "select c.unique_identifier from connection c where c.list_id = %s and c.provider = %s"
        " and c.state = 'connected'",
        (list_id, provider),
    )
    row = cursor.fetchone()
    if row is None:
        raise Unknown("this list is not connected to this provider (any more)")
    require(_plan(cursor, list_id), provider)
    return str(row[0])


def enter(cursor: Cursor, list_id: str) -> None:
    """Hold a Disconnect off until the transaction ends, as every batch of ingress does."""
    cursor.execute("select pg_advisory_xact_lock_shared(%s)", (lock_key("intake", list_id),))


def _why_not(cursor: Cursor, list_id: str) -> str:
    cursor.execute("select state, provider from connection where list_id = %s", (list_id,))
    row = cursor.fetchone()
    if row is not None and row[0] == "disconnecting":
        return "this list is still disconnecting: what was accepted before is being applied; try again soon"
    present = PROVIDERS[row[1]] if row is not None else "another provider"
    return f"this list is connected to {present} already: one provider per list; disconnect it first"


def _default_mappings(cursor: Cursor, list_id: str) -> None:
    # Mappings that an earlier connection left stay as its operator arranged them.
    cursor.execute("select 1 from field_mapping where list_id = %s limit 1", (list_id,))
    if cursor.fetchone():
        return
    defaults = mapping.defaults()
    keys = master_list.ensure_fields(cursor, list_id, [(label, kind) for _, label, kind in defaults])
    for attribute, label, _ in defaults:
        cursor.execute(
            "insert into field_mapping (list_id, attribute, field) values (%s, %s, %s)",
            (list_id, attribute, keys[label]),
        )


def disconnect(cursor: Cursor, list_id: str) -> None:
    """Cut the IdP off at once (C4); `forget` follows when the journal is empty.

    The exclusive locks wait for every batch and drain that has begun, so that whatever begins
    later sees the tokens revoked.
    """
    cursor.execute("select pg_advisory_xact_lock(%s)", (lock_key("intake", list_id),))
    cursor.execute("select pg_advisory_xact_lock(%s)", (lock_key("roster", list_id),))
    cursor.execute(
        "update connection set state = 'disconnecting' where list_id = %s and state = 'connected'", (list_id,)
    )
    if cursor.rowcount != 1:
        raise Refused("this list is not connected: there is nothing to disconnect")
    cursor.execute(
        "update bearer_token set revoked_at = clock_timestamp() where list_id = %s and revoked_at is null",
        (list_id,),
    )
    cursor.execute("update directory_sync set next_at = null where list_id = %s", (list_id,))
    cursor.execute(
        "update job set state = 'ended', finished_at = clock_timestamp() where list_id = %s and kind = %s"
        " and finished_at is null",
        (list_id, DIRECTORY),
    )


def unique_identifier(cursor: Cursor, list_id: str) -> str:
    """Which attribute is the UID of a list that is connected."""
    cursor.execute("select unique_identifier from connection where list_id = %s", (list_id,))
    row = cursor.fetchone()
    return str(row[0]) if row else ""


def disconnecting(cursor: Cursor) -> list[str]:
    """The lists that are waiting to be forgotten, of any organisation."""
    cursor.execute("select * from muster_disconnecting()")
    return [row[0] for row in cursor.fetchall()]


def forget(cursor: Cursor, list_id: str) -> bool:
    """Forget one slice of a disconnecting list's users and groups; False when there is nothing (more) to do.

    People stay, with UID and anchor; losing their holder unlocks their fields.
    """
    cursor.execute("select state from connection where list_id = %s for update skip locked", (list_id,))
    row = cursor.fetchone()
    if row is None or row[0] != "disconnecting" or journal.pending(cursor, list_id):
        return False
    for table in ("group_member", "identity_email", "directory_member", "directory_change"):
        cursor.execute(
            f"delete from {table} where ctid in (select ctid from {table} where list_id = %s limit %s)",
            (list_id, FORGET_SLICE),
        )
        if cursor.rowcount:
            return True
    cursor.execute(
        "with gone as (delete from identity where list_id = %s and id in (select id from identity"
        " where list_id = %s order by id limit %s) returning id),"
        " freed as (update person set identity_id = null, version = version + 1"
        " where list_id = %s and identity_id in (select id from gone))"
        " select count(*) from gone",
        (list_id, list_id, FORGET_SLICE, list_id),
    )
    forgotten = cursor.fetchone()
    if forgotten and forgotten[0]:
        return True
    _finish_forgetting(cursor, list_id)
    return False


def _finish_forgetting(cursor: Cursor, list_id: str) -> None:
    hold.forget(cursor, list_id)
    for table in (
        "scim_group",
        "resource_count",
        "seen_attribute",
        "set_aside",
        "lane_trouble",
        "traffic",
        "burst",
        "rhythm",
        "directory_sync",
        "connection",
    ):
        cursor.execute(f"delete from {table} where list_id = %s", (list_id,))
    cursor.execute(
        "update person set identity_id = null, version = version + 1 where list_id = %s and identity_id is not null",
        (list_id,),
    )
    cursor.execute(
        "update log_entry set waits = false,"
        " result = case when result = 'waiting' then 'no_change' else result end,"
        " detail = case when result = 'waiting' then %s else detail end where list_id = %s and waits",
        (hold.DISCONNECTED, list_id),
    )


def rosters(cursor: Cursor, list_ids: list[str], known: dict[str, Roster]) -> dict[str, Roster]:
    """The rosters of these lists; `known` is kept up to date, compiled anew when a version changed."""
    cursor.execute(
        "select c.list_id, c.mapping_version, c.connected_at, l.schema_version, c.unique_identifier from connection c"
        " join master_list l on l.id = c.list_id where c.list_id = any(%b::text[])",
        (list_ids,),
    )
    found = cursor.fetchall()
    for list_id, *version, unique_identifier in found:
        present = known.get(list_id)
        if present is None or present.version != tuple(version):
            known[list_id] = _compile(cursor, list_id, (version[0], version[1], version[2]), unique_identifier)
    return {row[0]: known[row[0]] for row in found}


def _compile(cursor: Cursor, list_id: str, version: tuple[int, datetime, int], unique_identifier: str) -> Roster:
    fields = master_list.fields(cursor, list_id)
    cursor.execute("select attribute, field, enabled, transform from field_mapping where list_id = %s", (list_id,))
    mappings = [mapping.Mapping(*row) for row in cursor.fetchall()]
    labels = {field.key: field.label for field in fields}
    return Roster(list_id, version, unique_identifier, mapping.compile(mappings, fields), labels)
