"""Connections and transactions."""

import select
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from hashlib import blake2b
from typing import Any, cast

import msgspec
import psycopg
import tenacity
from psycopg.abc import RV, Buffer, PQGen
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Format
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg.types.string import TextLoader
from psycopg.waiting import WAIT_R, WAIT_W

from models.errors import Refused

Connection = psycopg.Connection[tuple[Any, ...]]
Cursor = psycopg.Cursor[tuple[Any, ...]]

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()
set_json_dumps(_encoder.encode)
set_json_loads(_decoder.decode)

# UTC whatever the server's zone; and no JIT, PostgreSQL's default, because it compiles a second or more at statements
# that take milliseconds: their plans are costed for tables that may be large.
ALWAYS = "-c timezone=UTC -c jit=off"
# Of a connection over TCP, in seconds but for the last one: how soon a server is noticed that has vanished, by whoever
# waits for its answer, and by whoever has sent something that it did not acknowledge. The URL may say otherwise.
ALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 15_000}
SILENCE = 17.0  # seconds without a word: more than the longest statement_timeout of a request
LEAST_VERSION = 17  # MAINTAIN, which the serving role needs to vacuum the journal, and transaction_timeout
# What PostgreSQL says of a transaction that stood in another one's way: it was rolled back.
BUSY = (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled, psycopg.errors.DeadlockDetected)
LOST = (psycopg.OperationalError, psycopg.InterfaceError)
CLASHES = (
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
    psycopg.errors.UniqueViolation,
)
# What PostgreSQL says of its own state, whatever the statement was: a full disk, a shutdown, a standby, a grant or a
# column that an upgrade has yet to make.
STATE = (
    psycopg.errors.DiskFull,
    psycopg.errors.AdminShutdown,
    psycopg.errors.CrashShutdown,
    psycopg.errors.CannotConnectNow,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedFunction,
)


class _Uuid(Loader):
    """A uuid in binary format as text: an object each would cost more than the row that it is in."""

    format = Format.BINARY

    def load(self, data: Buffer) -> str:
        """The 36 characters."""
        digits = bytes(data).hex()
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


class Silent(psycopg.OperationalError):
    """The server says nothing any more, and the connection was given up: one that is frozen keeps no time-outs."""


class Bounded(psycopg.Connection[tuple[Any, ...]]):
    """One that does not wait for a silent server for ever."""

    silence = SILENCE

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """What psycopg calls wherever it has to wait for its socket."""
        try:
            state = next(gen)
            while True:
                state = gen.send(self._ready(state, timeout or self.silence))
        except StopIteration as ended:
            return cast(RV, ended.value)

    def _ready(self, state: int, within: float) -> int:
        looking = select.poll()
        looking.register(
            self.pgconn.socket, (select.POLLIN if state & WAIT_R else 0) | (select.POLLOUT if state & WAIT_W else 0)
        )
        found = looking.poll(within * 1000)
        if not found:
            self.pgconn.finish()
            raise Silent("the database is silent")
        seen = found[0][1]
        if seen & ~(select.POLLIN | select.POLLOUT):  # an error: whoever reads or writes is told of it
            return state & (WAIT_R | WAIT_W)
        return (WAIT_R if seen & select.POLLIN else 0) | (WAIT_W if seen & select.POLLOUT else 0)


def connect(
    url: str, application: str = "muster", kind: type[Connection] = psycopg.Connection, **parameters: Any
) -> Connection:
    """An autocommitting connection; transactions are opened by `transaction`."""
    more = {**alive(url), **parameters}
    chosen = {"connect_timeout": 5, **more, "options": options(url, parameters.get("options", ""))}
    connection = kind.connect(url, autocommit=True, application_name=application, **chosen)
    # Ids are text everywhere in ours: by way of a UUID object each cost 2 µs.
    connection.adapters.register_loader("uuid", TextLoader)
    connection.adapters.register_loader("uuid", _Uuid)
    return connection


def alive(url: str) -> dict[str, int]:
    """How soon a server that has vanished is noticed, as far as the URL does not say."""
    own = conninfo_to_dict(url)
    return {name: value for name, value in ALIVE.items() if name not in own}


def options(url: str, more: str = "") -> str:
    """What a connection is begun with: the URL's own options, ours, and `more`."""
    own = conninfo_to_dict(url).get("options") or ""
    return " ".join(filter(None, (str(own), ALWAYS, more)))


class TooOld(Refused):
    """The server is of a version that Muster does not run on."""


def require_version(connection: Connection) -> None:
    """TooOld, with a sentence, where the server is."""
    major = connection.info.server_version // 10000
    if major < LEAST_VERSION:
        raise TooOld(f"Muster needs PostgreSQL {LEAST_VERSION} or newer, and this server is PostgreSQL {major}")


def connect_patiently(url: str, application: str, seconds: float = 30, **parameters: Any) -> Connection:
    """`connect`, tried again while the server is away (a crash restart takes seconds)."""
    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_delay(seconds),
        wait=tenacity.wait_random_exponential(multiplier=0.05, max=1),
        retry=tenacity.retry_if_exception_type(psycopg.OperationalError),
        reraise=True,
    )
    return retrying(connect, url, application, **parameters)


@contextmanager
def transaction(connection: Connection, lists: Iterable[str] = ()) -> Iterator[Cursor]:
    """One transaction, told which lists it was authenticated for (`muster.lists`, this transaction only)."""
    with connection.transaction(), connection.cursor() as cursor:
        allow(cursor, lists)
        yield cursor


class Growth:
    """When a connection's statements are to be planned anew: each time its rows have doubled.

    A plan made while a table was empty takes any index that begins with list_id, for all cost the same then, and walks
    through the whole list along it for every key. PostgreSQL keeps such a plan until somebody analyses the table.
    """

    def __init__(self) -> None:
        self._rows, self._next = 0, 100

    def note(self, connection: Connection, rows: int) -> None:
        """So many rows more were written."""
        self._rows += rows
        if self._rows >= self._next:
            self._next = 2 * self._rows
            connection.execute("discard plans")


def roll_back(connection: Connection) -> None:
    """A connection that cannot be rolled back any more is closed: one that dies in a pipeline does not know it yet."""
    if connection.closed:
        return
    try:
        connection.rollback()
    except LOST:
        connection.close()


def allow(cursor: Cursor, lists: Iterable[str]) -> None:
    """Name the lists that the running transaction may touch: of others its statements see and change no row."""
    cursor.execute("select set_config('muster.lists', %s, true)", ("{" + ",".join(sorted(set(lists))) + "}",))


def allow_also(cursor: Cursor, list_id: str) -> None:
    """Name one list more: one that the running transaction has just made."""
    named = "nullif(current_setting('muster.lists', true), '')::text[]"
    cursor.execute(f"select set_config('muster.lists', array_append({named}, %s)::text, true)", (list_id,))


@lru_cache(maxsize=65536)
def lock_key(kind: str, list_id: str, part: int = 0) -> int:
    """A 64-bit advisory lock key. Kinds: `intake` (writes against Disconnect), `roster` (drains
    against a change of mappings), `lane`."""
    digest = blake2b(f"{kind}:{list_id}:{part}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
