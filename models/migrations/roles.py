"""What the serving roles may do: one for all processes, or one for each kind, where the installation has made those.

`ops/postgres/roles.sql` makes the roles; every `muster migrate` gives each of them what is here, and takes the rest.
"""

from collections.abc import Mapping, Sequence

import psycopg
from psycopg import sql

Connection = psycopg.Connection[tuple[object, ...]]
READ, ADD, WRITE, ALL = "select", "select, insert", "select, insert, update", "select, insert, update, delete"
# When something was done is PostgreSQL's to say.
DATED = "select, insert (id, organisation_id, list_id, operator, action, detail, address)"
INGRESS, WORKERS, CONSOLE = "muster_ingress", "muster_workers", "muster_console"
# What an identity provider's requests need: its tokens and users; no people, no operators, no credentials.
INGRESS_TABLES: Mapping[str, str] = {
    "organisation": READ, "master_list": READ, "connection": READ, "bearer_token": READ, "field_mapping": READ,
    "identity": ALL, "identity_email": ALL, "scim_group": ALL, "group_member": ALL, "resource_count": ALL,
    "seen_attribute": WRITE, "journal": ADD, "log_entry": ADD, "traffic": WRITE,
}  # fmt: skip
# The rest has every table of a list's data; these are the exceptions. None: nothing at all.
WORKERS_TABLES: Mapping[str, str | None] = {
    "operator": None, "operator_session": None, "api_key": None, "api_replay": "select, update, delete",
    "organisation": READ, "bearer_token": READ, "audit_entry": DATED, "directory_connection": READ,
}  # fmt: skip
CONSOLE_TABLES: Mapping[str, str | None] = {
    "audit_entry": DATED, "identity": "select, update", "identity_email": READ, "scim_group": READ,
    "group_member": READ, "resource_count": READ, "lane_trouble": READ, "traffic": READ, "burst": READ, "rhythm": READ,
}  # fmt: skip
APART = (INGRESS, WORKERS, CONSOLE)
# Functions that run with the owner's rights: those that any process is asked for its metrics by, and besides those the
# ones of each role's own work. Workers, who keep the tables in order, may call all of them.
FIGURES = (
    "muster_backlog", "muster_watch", "muster_watch_lists", "muster_quiet_lists", "muster_at_risk",
    "muster_sync_gauges",
)  # fmt: skip
FUNCTIONS: Mapping[str, Sequence[str]] = {
    INGRESS: ("muster_token", *FIGURES),
    CONSOLE: ("muster_people_like", "muster_log_like", "muster_connection", "muster_directory_lists", *FIGURES),
}


def grant(owner: Connection, role: str) -> None:
    """Let one role serve everything."""
    _everything(owner, role)
    _do(owner, role, "revoke all on audit_entry from {}")
    _do(owner, role, f"grant {DATED} on audit_entry to {{}}")  # it is added to and read
    _do(owner, role, "grant maintain on journal, import_row to {}")


def grant_apart(owner: Connection) -> list[str]:
    """Let each kind of process do its own work alone; which of the three roles are there."""
    rows = owner.execute("select rolname from pg_roles where rolname = any(%s)", (list(APART),)).fetchall()
    found = sorted(str(row[0]) for row in rows)
    for role in found:
        for kind in ("tables", "sequences"):
            _do(owner, role, f"revoke all on all {kind} in schema public from {{}}")
        if role == INGRESS:
            _ingress(owner)
        else:
            _rest(owner, role, WORKERS_TABLES if role == WORKERS else CONSOLE_TABLES)
        if role in FUNCTIONS:
            _take_functions(owner, role, FUNCTIONS[role])
    return found


def _take_functions(owner: Connection, role: str, kept: Sequence[str]) -> None:
    """All but these of the functions with the owner's rights: one of those may read what the role's tables hide."""
    rows = owner.execute(
        "select oid::regprocedure::text from pg_proc where prosecdef and pronamespace = 'public'::regnamespace"
        " and proowner = current_user::regrole and proname <> all(%s)",
        (list(kept),),
    )
    for (function,) in rows.fetchall():
        _do(owner, role, f"revoke execute on function {function} from {{}}")


def _ingress(owner: Connection) -> None:
    _schema(owner, INGRESS)
    for table, privileges in INGRESS_TABLES.items():
        _do(owner, INGRESS, f"grant {privileges} on {table} to {{}}")
    _do(owner, INGRESS, "grant update (last_used_at, last_used_address) on bearer_token to {}")


def _rest(owner: Connection, role: str, exceptions: Mapping[str, str | None]) -> None:
    _everything(owner, role)
    for table, privileges in exceptions.items():
        _do(owner, role, f"revoke all on {table} from {{}}")
        if privileges is not None:
            _do(owner, role, f"grant {privileges} on {table} to {{}}")
    if role == WORKERS:
        # VACUUM of the journal by the sweep, ANALYZE of rows that were staged by the thousand.
        _do(owner, role, "grant maintain on journal, import_row to {}")


def _everything(owner: Connection, role: str) -> None:
    _schema(owner, role)
    _do(owner, role, f"grant {ALL} on all tables in schema public to {{}}")
    for month in _months(owner):  # the log is read by way of its parent, whose policy counts there
        _do(owner, role, f"revoke all on {month} from {{}}")
    _do(owner, role, "revoke insert, update, delete on alembic_version from {}")


def _months(owner: Connection) -> list[str]:
    rows = owner.execute(
        "select quote_ident(relname) from pg_class where relispartition and relnamespace = 'public'::regnamespace"
        " and relkind = 'r'"
    )
    return [str(row[0]) for row in rows]


def _schema(owner: Connection, role: str) -> None:
    _do(owner, role, "grant usage on schema public to {}")
    _do(owner, role, "grant usage, select on all sequences in schema public to {}")
    _do(owner, role, "grant execute on all functions in schema public to {}")


def _do(owner: Connection, role: str, statement: str) -> None:
    owner.execute(sql.SQL(statement).format(sql.Identifier(role)))
