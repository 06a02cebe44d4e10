"""Checks of a running installation; each finding says what is wrong and what to do."""

from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

import psycopg
import redis

from models import database, journal, migrations
from models.database import Connection

LEAST_VERSION = 17  # MAINTAIN, which the serving role needs to vacuum the journal
LATE_AFTER = 10.0  # seconds; workers settle within milliseconds, the sweep within two seconds
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Finding(NamedTuple):
    """One check's outcome."""

    check: str
    ok: bool
    detail: str


def examine(
    database_url: str, owner_url: str, redis_url: str, public_root: str, console_root: str | None = None
) -> list[Finding]:
    """All checks; those that need a database are left out where there is none."""
    findings = [_https("https", public_root, "tokens"), _redis(redis_url)]
    if console_root is not None:
        findings.insert(1, _https("console", console_root, "passwords and session cookies"))
    try:
        with database.connect(database_url, "muster-doctor") as connection:
            findings += [Finding("database", True, f"answers, PostgreSQL {connection.info.server_version // 10000}")]
            findings += [check(connection) for check in _CHECKS]
        findings += _schema(owner_url)
    except psycopg.Error as error:
        findings.append(Finding("database", False, f"does not answer or refuses: {str(error).strip()}"))
    return findings


def _schema(owner_url: str) -> Iterator[Finding]:
    with database.connect(owner_url, "muster-doctor") as connection:
        try:
            present, newest = migrations.current(connection)
        except psycopg.errors.UndefinedTable:
            present, newest = None, "the newest"
    if present == newest:
        yield Finding("schema", True, f"revision {present}, the newest")
    else:
        yield Finding("schema", False, f"revision {present or 'none'} instead of {newest}: run `muster migrate`")


def _version(connection: Connection) -> Finding:
    major = connection.info.server_version // 10000
    if major < LEAST_VERSION:
        return Finding(
            "version", False, f"PostgreSQL {major}: the journal cannot be vacuumed by the serving role before 17"
        )
    may = _one(connection, "select has_table_privilege('journal', 'maintain')")
    if not may:
        return Finding(
            "version", False, "the serving role lacks MAINTAIN on journal: run `muster migrate` as the owner"
        )
    return Finding("version", True, f"PostgreSQL {major}, and the serving role may vacuum the journal")


def _role(connection: Connection) -> Finding:
    name = _one(connection, "select current_user")
    if _one(connection, "select rolsuper or rolbypassrls from pg_roles where rolname = current_user"):
        return Finding("role", False, f"'{name}' is a superuser or bypasses row-level security: serve as another role")
    if _one(
        connection, "select exists (select from pg_tables where tablename = 'journal' and tableowner = current_user)"
    ):
        return Finding("role", False, f"'{name}' owns the tables: set MUSTER_OWNER_URL and serve as a role of its own")
    return Finding("role", True, f"'{name}' neither owns the tables nor is a superuser")


def _workers(connection: Connection) -> Finding:
    with database.transaction(connection) as cursor:
        backlog = journal.backlog(cursor)
    if backlog.oldest_seconds > LATE_AFTER:
        detail = (
            f"the oldest of {backlog.pending} operations waits for {backlog.oldest_seconds:.0f} s: are workers running?"
        )
        return Finding("workers", False, detail)
    return Finding("workers", True, f"{backlog.pending} operations pending")


def _set_aside(connection: Connection) -> Finding:
    with database.transaction(connection) as cursor:
        count = journal.backlog(cursor).set_aside
    if count:
        return Finding("set aside", False, f"{count} operations could not be applied: see Rejected entries in the log")
    return Finding("set aside", True, "none")


def _one(connection: Connection, question: str) -> object:
    row = connection.execute(question).fetchone()
    return row[0] if row else None


_CHECKS: tuple[Callable[[Connection], Finding], ...] = (_version, _role, _workers, _set_aside)


def _redis(url: str) -> Finding:
    try:
        with redis.Redis.from_url(url, socket_timeout=5) as client:
            client.ping()
            policy = dict(client.config_get("maxmemory-policy")).get("maxmemory-policy")
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
