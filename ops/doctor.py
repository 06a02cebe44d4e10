"""Checks of a running installation; each finding says what is wrong and what to do."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import psycopg
import redis

from models import blocked, database, journal, migrations
from models.database import Connection
from ops import backlog, doctor_directories, reach
from ops.finding import Finding
from ops.reach import NoWay, Unreachable

LATE_AFTER = 10.0  # seconds; workers settle within milliseconds, the sweep within two seconds
LEAST_FREE = 0.1  # of a disk
MOST_APART = 2.0  # seconds between clocks
MOST_CONNECTIONS = 0.85  # of what the server allows
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Installation:
    """What is looked at: URLs, and which settings matter besides."""

    database_url: str
    owner_url: str
    redis_url: str
    public_root: str
    console_root: str | None = None
    trusted_proxies: str = ""
    folders: tuple[str, ...] = ()
    reaching: bool = True  # whether addresses are called, which some networks do not let through
    secret_keys: tuple[str, ...] = field(default=(), repr=False)
    graph_simulator: str | None = None


def examine(one: Installation) -> list[Finding]:
    """All checks; those that need a database are left out where there is none."""
    findings = [_https("https", one.public_root, "tokens")]
    if one.reaching:
        findings.append(_reaches("public URL", one.public_root, "/scim/v2/x", 401))
    if one.console_root is not None:
        findings += [
            _https("console", one.console_root, "passwords and session cookies"),
            _proxies(one.console_root, one.trusted_proxies),
        ]
        if one.reaching:
            findings.append(_reaches("console URL", one.console_root, "/login", 200))
    findings += [_redis(one.redis_url), *(_disk(folder) for folder in one.folders)]
    try:
        with database.connect(one.database_url, "muster-doctor") as connection:
            findings += [Finding("database", True, f"answers, PostgreSQL {connection.info.server_version // 10000}")]
            bare = _one(connection, "select to_regclass('journal') is null")
            findings += [check(connection) for check in _CHECKS if not (bare and check in _OF_TABLES)]
            findings += doctor_directories.examine(connection, one.secret_keys, one.graph_simulator, one.reaching)
        findings += _schema(one.owner_url)
    except psycopg.Error as error:
        findings.append(Finding("database", False, f"does not answer or refuses: {str(error).strip()}"))
    return findings


def _reaches(check: str, root: str, path: str, status: int) -> Finding:
    try:
        return Finding(check, True, f"{root} {reach.look(root, path, (status,))}")
    except NoWay as why:
        return Finding(check, True, str(why), warning=True)
    except Unreachable as why:
        return Finding(check, False, str(why))


def _proxies(console_root: str, trusted: str) -> Finding:
    if console_root.startswith("https://") and not trusted:
        detail = (
            "TLS ends at a proxy that is not trusted: everybody has its address, and a few wrong passwords lock all"
            " out; set MUSTER_TRUSTED_PROXIES to its address"
        )
        return Finding("proxies", False, detail)
    return Finding("proxies", True, trusted or "none before us")


def _disk(folder: str) -> Finding:
    try:
        usage = shutil.disk_usage(folder)
    except OSError as error:
        return Finding("disk", False, f"{folder} cannot be looked at ({error.strerror}): correct MUSTER_WATCH_DISKS")
    free = usage.free / usage.total
    detail = f"{folder} has {usage.free / 1e9:.1f} GB free, {free:.0%}"
    return Finding("disk", free > LEAST_FREE, detail if free > LEAST_FREE else f"{detail}: make room, or move it")


def _durable(connection: Connection) -> Finding:
    off = [
        name for name in ("fsync", "full_page_writes", "synchronous_commit")
        if _one(connection, f"select current_setting('{name}')") == "off"
    ]  # fmt: skip
    if off:
        return Finding("durable", False, f"{', '.join(off)} off: what was answered 2xx can be lost; switch it on")
    return Finding("durable", True, "a commit is on disk before it is answered")


def _clock(connection: Connection) -> Finding:
    theirs = _one(connection, "select extract(epoch from clock_timestamp())::float8")
    apart = abs(time.time() - float(str(theirs)))
    if apart > MOST_APART:
        return Finding("clock", False, f"{apart:.0f} s apart from the database's: run NTP on both, tokens expire by it")
    return Finding("clock", True, f"{apart * 1000:.0f} ms apart from the database's")


def _room(connection: Connection) -> Finding:
    used, most = (
        int(str(_one(connection, question)))
        for question in ("select count(*) from pg_stat_activity", "select current_setting('max_connections')::int")
    )
    if used > most * MOST_CONNECTIONS:
        return Finding(
            "connections", False, f"{used} of {most} are used: raise max_connections, or put a pooler before"
        )
    return Finding("connections", True, f"{used} of {most} are used")


def _schema(owner_url: str) -> Iterator[Finding]:
    with database.connect(owner_url, "muster-doctor") as connection:
        try:
            present, newest = migrations.current(connection)
        except psycopg.errors.UndefinedTable:
            yield Finding("schema", False, "no schema: run `muster migrate`")
            return
    if present == newest:
        yield Finding("schema", True, f"revision {present}, the newest")
    else:
        yield Finding("schema", False, f"revision {present or 'none'} instead of {newest}: run `muster migrate`")


def _version(connection: Connection) -> Finding:
    major = connection.info.server_version // 10000
    try:
        database.require_version(connection)
    except database.TooOld as why:
        cure = "pg_upgrade, or `muster backup` here and `muster restore` into a newer one"
        return Finding("version", False, f"{why.detail}: {cure}")
    may = _one(connection, "select has_table_privilege(to_regclass('journal'), 'maintain')")
    if may is None:
        return Finding("version", True, f"PostgreSQL {major}")
    if not may:
        return Finding(
            "version", False, "the serving role lacks MAINTAIN on journal: run `muster migrate` as the owner"
        )
    return Finding("version", True, f"PostgreSQL {major}, and the serving role may vacuum the journal")


def _role(connection: Connection) -> Finding:
    name = _one(connection, "select current_user")
    alone = "nothing but Muster's own queries keeps one list's data from another's"
    if _one(connection, "select rolsuper or rolbypassrls from pg_roles where rolname = current_user"):
        detail = f"'{name}' is a superuser or bypasses row-level security, so that {alone}: serve as another role"
        return Finding("role", False, detail)
    if _one(
        connection, "select exists (select from pg_tables where tablename = 'journal' and tableowner = current_user)"
    ):
        detail = f"'{name}' owns the tables, so that {alone}: set MUSTER_OWNER_URL and serve as a role of its own"
        return Finding("role", False, detail)
    return Finding("role", True, f"'{name}' neither owns the tables nor is a superuser")


def _walls(connection: Connection) -> Finding:
    """Asked of PostgreSQL itself: a member of the owner's role passes the policies too."""
    row = connection.execute(
        "select count(*), min(relname) from pg_class c"
        " where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition"
        " and (select a.attname from pg_index i join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]"
        " where i.indrelid = c.oid and i.indisprimary) = 'list_id' and not row_security_active(c.oid)"
    ).fetchone()
    if not row or not row[0]:
        return Finding("lists", True, "row-level security keeps each list's data from the others'")
    which = row[1] if row[0] == 1 else f"{row[0]} tables, {row[1]} among them"
    cure = "`muster migrate`, and serve as a role that neither owns them nor is a member of their owner"
    return Finding("lists", False, f"row-level security does not hold for {which}: {cure}")


def _activity(connection: Connection) -> Finding:
    if _one(connection, "select pg_has_role(current_user, 'pg_read_all_stats', 'usage')"):
        return Finding("activity", True, "the serving role sees how long anybody's transaction is open")
    name = _one(connection, "select quote_ident(current_user)")
    detail = f"the serving role sees its own sessions alone; as a superuser: grant pg_read_all_stats to {name};"
    return Finding("activity", True, detail, warning=True)


def _workers(connection: Connection) -> Finding:
    with database.transaction(connection) as cursor:
        found, processes = journal.backlog(cursor), blocked.worker_processes(cursor)
    waits = f"the oldest of {found.pending} operations waits for {found.oldest_seconds:.0f} s"
    if not processes and found.pending:
        return Finding("workers", False, f"no worker is connected, and {waits}: start `muster workers`")
    if not processes:
        return Finding("workers", True, "no worker is connected: start `muster workers`", warning=True)
    live = "1 worker process lives" if processes == 1 else f"{processes} worker processes live"
    if found.oldest_seconds > LATE_AFTER:
        return Finding("workers", False, f"{live}, and {_late(connection) or waits}")
    return Finding("workers", True, f"{live}, {found.pending} operations pending")


def _late(connection: Connection) -> str | None:
    """The list that waits: one that is known to be blocked, else the one that has waited the longest."""
    try:
        seen = backlog.by_list(connection)
    except psycopg.errors.UndefinedFunction:
        return None  # an older schema, which another check tells of
    if not seen:
        return None
    one, blockers = next(((one, blockers) for one, blockers in seen if blockers), seen[0])
    waits = f"the list {one.name} waits for {one.oldest_seconds:.0f} s"
    if blockers:
        return f"{waits}: blocked by {'; '.join(map(backlog.who, blockers))}"
    return f"{waits}: `muster backlog`, and the workers' log (`drain_failed`, `sweep_failed`)"


def _set_aside(connection: Connection) -> Finding:
    with database.transaction(connection) as cursor:
        count = journal.backlog(cursor).set_aside
    if count:
        return Finding("set aside", False, f"{count} operations could not be applied: see Rejected entries in the log")
    return Finding("set aside", True, "none")


def _one(connection: Connection, question: str) -> object:
    row = connection.execute(question).fetchone()
    return row[0] if row else None


_CHECKS: tuple[Callable[[Connection], Finding], ...] = (
    _version, _role, _walls, _activity, _durable, _clock, _room, _workers, _set_aside,
)  # fmt: skip
_OF_TABLES = (_walls, _workers, _set_aside)  # what cannot be asked of a database without a schema


def _redis(url: str) -> Finding:
    try:
        with redis.Redis.from_url(url, socket_timeout=5) as client:
            client.ping()
            policy = dict(client.config_get("maxmemory-policy")).get("maxmemory-policy")
    except redis.AuthenticationError as error:
        return Finding("redis", False, f"refuses the name or password in MUSTER_REDIS_URL ({error}): set the right one")
    except redis.ResponseError:
        return Finding(
            "redis", True, "answers; its eviction policy cannot be asked for: make sure that it is noeviction"
        )
    except redis.RedisError as error:
        return Finding("redis", False, f"does not answer ({error}): changes reach the lists by the sweep alone")
    if policy != "noeviction":
        return Finding("redis", False, f"may evict queued nudges ({policy}): set maxmemory-policy noeviction")
    return Finding("redis", True, "answers and evicts nothing")


def _https(check: str, root: str, what: str) -> Finding:
    parts = urlsplit(root)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        return Finding(check, False, f"{root} is plain http: {what} travel readable; put TLS before it")
    return Finding(check, True, root)
