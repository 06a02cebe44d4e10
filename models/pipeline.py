"""Statements that are sent together and answered together, past psycopg's cursors: the path of every SCIM request.

psycopg converts, sends and flushes each statement by itself, and parameters element by element: 50 µs a statement and
12 µs a row of a batch, most of what a commit cost this process, and a wake-up of the server each. Here a statement is
converted once for its connection, arrays are packed the way PostgreSQL reads them, and what was executed leaves in one
piece. psycopg still connects, waits, loads rows and names errors.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, cast
from weakref import WeakKeyDictionary

import psycopg
from psycopg import errors, generators
from psycopg.abc import PQGen
from psycopg.abc import Transformer as Loader
from psycopg.adapt import Transformer
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult

from models import database
from models.database import Connection, Cursor
from models.packing import Statement

_BINARY = 1
# What was prepared does not fit its tables any more, or is gone: a second try prepares it anew.
OUTDATED = (errors.FeatureNotSupported, errors.InvalidSqlStatementName)
_FAILED = (ExecStatus.FATAL_ERROR, ExecStatus.PIPELINE_ABORTED)


class Pipeline:
    """A cursor whose statements the server runs one after the other, as one transaction unless they say otherwise.

    Parameters are lists with a cast (`%b::text[]`), or scalars whose type the statement tells. What is executed is sent
    when rows are fetched, and at the end; what is wrong with it is raised then (`psycopg.Error`).
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection, self._pgconn = connection, connection.pgconn
        self._kept = _KEPT.get(connection) or _KEPT.setdefault(connection, _Kept(connection))
        self._sent: deque[Sent] = deque()
        self._latest: Sent | None = None
        self._error: psycopg.Error | None = None

    def __enter__(self) -> "Pipeline":
        self._pgconn.enter_pipeline_mode()
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if self._pgconn.status == ConnStatus.BAD:
            return
        try:
            self._pgconn.pipeline_sync()
            self._connection.wait(self._answers())
            self._connection.wait(generators.fetch_many(self._pgconn))  # the answer to the sync itself
            self._pgconn.exit_pipeline_mode()
        except BaseException:
            # Lost, or out of step with its server: it serves nobody any more.
            self._pgconn.finish()
            if error is None:
                raise
        if error is None:
            self._complain()

    def execute(self, query: str, parameters: Sequence[Any] = ()) -> "Sent":
        """Have a statement sent with what comes after it."""
        statement = self._kept.statements.get(query) or self._prepare(query)
        sent = Sent(self, query, self._kept.loader)
        self._pgconn.send_query_prepared(statement.name, statement.packed(parameters), statement.formats, _BINARY)
        self._sent.append(sent)
        self._latest = sent
        return sent

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows of the statement executed last."""
        assert self._latest is not None
        return self._latest.fetchall()

    def fetchone(self) -> tuple[Any, ...] | None:
        """The first of them."""
        assert self._latest is not None
        return self._latest.fetchone()

    def receive(self) -> None:
        """Send what was executed, and wait for its answers."""
        self._pgconn.send_flush_request()
        self._connection.wait(self._answers())
        self._complain()

    def _prepare(self, query: str) -> Statement:
        statement = Statement(query, b"m%d" % next(self._kept.numbers))
        self._pgconn.send_prepare(statement.name, statement.text, statement.types)
        self._sent.append(Sent(self, query, self._kept.loader, prepares=True))
        self._kept.statements[query] = statement
        return statement

    def _answers(self) -> PQGen[None]:
        yield from generators.send(self._pgconn)
        while self._sent:
            results = yield from generators.fetch_many(self._pgconn)
            one = self._sent.popleft()
            one.result = results[-1]
            if one.result.status in _FAILED:
                if one.prepares:
                    self._kept.statements.pop(one.query, None)
                if self._error is None:
                    self._error = errors.error_from_result(one.result)

    def _complain(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            if isinstance(error, OUTDATED):
                self._kept.statements.clear()
            raise error


@contextmanager
def pipelined(connection: Connection, lists: Iterable[str] = ()) -> Iterator[Cursor]:
    """`database.transaction` in as few round trips as it has answers to wait for: its last writes are sent with COMMIT,
    which is the caller's to execute. What is executed after it is answered in the same round trip, and sees what the
    transaction did."""
    try:
        with Pipeline(connection) as pipeline:
            cursor = cast(Cursor, pipeline)
            cursor.execute("begin")
            database.allow(cursor, lists)
            yield cursor
    except BaseException:
        database.roll_back(connection)
        raise


class Sent:
    """A statement that was executed, and its rows."""

    __slots__ = ("_loader", "_pipeline", "prepares", "query", "result")

    def __init__(self, pipeline: Pipeline, query: str, loader: Loader, prepares: bool = False) -> None:
        self._pipeline, self.query, self._loader, self.prepares = pipeline, query, loader, prepares
        self.result: PGresult | None = None

    @property
    def succeeded(self) -> bool:
        """Whether its answer came, and was none of failure."""
        return self.result is not None and self.result.status not in _FAILED

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows."""
        if self.result is None:
            self._pipeline.receive()
        assert self.result is not None
        self._loader.set_pgresult(self.result)
        return self._loader.load_rows(0, self.result.ntuples, tuple)

    def fetchone(self) -> tuple[Any, ...] | None:
        """The first row."""
        return next(iter(self.fetchall()), None)


class _Kept:
    """What a connection keeps from one pipeline to the next."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.statements: dict[str, Statement] = {}
        self.numbers = count()
        # psycopg deallocates all statements of a connection at a rollback, ours with its own, if it has any.
        connection.prepare_threshold = None
        # Of its adapters, not of itself: what refers to the connection would keep it, and this, for ever.
        self.loader: Loader = Transformer(connection.adapters)


_KEPT: WeakKeyDictionary[psycopg.Connection[Any], _Kept] = WeakKeyDictionary()
