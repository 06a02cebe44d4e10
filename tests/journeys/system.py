"""A running `muster up`: started, asked and stopped as an operator would, in real processes."""

import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar

import psutil

from models import connection, database, journal, master_list, organisation, person, provisioning_log, token
from models.database import Connection, Cursor
from ops.embedded import OWNING, SERVING
from tests.journeys.waiting import eventually

ROOT = Path(__file__).parents[2]
OPERATOR = "operator@north.example"
START_WITHIN, STOP_WITHIN = 60, 15  # seconds until a test gives up, not what is promised
T = TypeVar("T")


class NewList(NamedTuple):
    """A list of a test's own, and how its IdP reaches it."""

    list_id: str
    base_url: str
    token: str


class Muster:
    """The doors of one running stack. SCIM goes over HTTP; an operator's doings through the models,
    as the command line does them, because a hundred processes started would be all a test run did."""

    owner = "Journeys"  # the organisation of new lists: each file of tests has its own, or pages would have hundreds

    def __init__(self, process: "subprocess.Popen[str]", folder: Path, ready: dict[str, Any]) -> None:
        self.process, self.folder, self.ready = process, folder, ready
        self.scim_root: str = ready["scim_root"].rstrip("/")
        self.database = database.connect(ready["database_url"], "journeys")
        self._numbers = 0

    def in_transaction(self, act: Callable[[Cursor], T], *lists: str) -> T:
        """What `act` answers, committed."""
        with database.transaction(self.database, lists) as cursor:
            return act(cursor)

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of a query of the test's own: as the tables' owner, for it names no lists; about the server as the
        serving role, which sees what its sessions do."""
        if "pg_" in sql:
            return self.in_transaction(lambda cursor: list(cursor.execute(sql, parameters)))
        with database.connect(self.ready["database_url"].replace(SERVING, OWNING), "journeys") as owner:
            return list(owner.execute(sql.encode(), parameters))

    def new_list(
        self, unique_identifier: str = "userName", name: str | None = None, owner: str | None = None
    ) -> NewList:
        """An empty list of an organisation, connected, with one token."""
        self._numbers += 1

        def create(cursor: Cursor) -> str:
            owner_id = organisation.ensure(cursor, owner or self.owner, "business")
            list_id = master_list.create(cursor, owner_id, name or f"List {self._numbers}")
            connection.connect(cursor, list_id, unique_identifier, OPERATOR)
            return list_id

        list_id = self.in_transaction(create)
        return NewList(list_id, f"{self.scim_root}/{list_id}", self.new_token(list_id))

    def new_token(self, list_id: str) -> str:
        """One more token of a list."""
        issued = self.in_transaction(lambda cursor: token.issue(cursor, list_id, "journey", None, OPERATOR), list_id)
        return issued.token

    def people(self, list_id: str, status: str = "all") -> list[dict[str, Any]]:
        """The people of a list as `muster people` prints them, by UID."""
        return sorted(as_json(person.people(self.database, list_id, status)), key=lambda each: each["uid"])

    def person(self, list_id: str, uid: str) -> dict[str, Any]:
        """The person with this UID."""
        [found] = [each for each in self.people(list_id) if each["uid"] == uid]
        return found

    def log(self, list_id: str) -> list[dict[str, Any]]:
        """The whole provisioning log as `muster log` prints it, oldest first."""
        found = self.in_transaction(lambda cursor: provisioning_log.newest(cursor, list_id, 1_000_000), list_id)
        return sorted(as_json(found), key=lambda entry: int(entry["id"]))

    def story(self, list_id: str, resource: str | None = None) -> list[str]:
        """What was accepted for a list (of one resource type) and what became of it, oldest first, as "operation
        result"."""
        return [
            f"{each['operation']} {each['result']}"
            for each in self.log(list_id)
            if each["result"] != "rejected" and resource in (None, each["resource"])
        ]

    def settled(self, list_id: str, within: float = 30) -> None:
        """Wait until everything that was accepted for the list is applied."""
        eventually(
            lambda: not self.in_transaction(lambda cursor: journal.pending(cursor, list_id), list_id),
            within,
            f"an empty journal of list {list_id}",
        )

    def cli(self, *arguments: str) -> Any:
        """The JSON that a command prints, run against this stack."""
        done = subprocess.run(
            [sys.executable, "-m", "ops.cli", *arguments, "--json"],
            cwd=ROOT, env=self.environment(), capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        return json.loads(done.stdout)

    def environment(self, **more: str) -> dict[str, str]:
        """What a separate process needs to work on the same Postgres and Valkey."""
        urls = {
            "MUSTER_DATABASE_URL": self.ready["database_url"],
            "MUSTER_REDIS_URL": self.ready["redis_url"],
        }
        return clean_environment() | urls | more

    def processes(self) -> list[psutil.Process]:
        """Every process of the stack: children of `up`, and whatever names its data folder."""
        return processes_of(self.process.pid, self.folder)

    def connect(self) -> Connection:
        """One more connection to the stack's database."""
        return database.connect(self.ready["database_url"], "journeys")


def as_json(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows as they look in JSON: ids and times as text."""
    decoded: list[dict[str, Any]] = json.loads(json.dumps(list(rows), default=str))
    return decoded


def moment(text: str) -> datetime:
    """A time of the log."""
    return datetime.fromisoformat(text)


def clean_environment() -> dict[str, str]:
    """This process's environment without settings of Muster's."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MUSTER_", "PROMETHEUS_"))}
    return kept | {"PYTHONPATH": str(ROOT)}


def processes_of(pid: int, folder: Path) -> list[psutil.Process]:
    """The process, its descendants, and every process that has the folder in its command line."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        try:
            ancestors = {pid_ for pid_ in (process.pid, *(parent.pid for parent in process.parents()))}
            if pid in ancestors or any(str(folder) in word for word in process.cmdline()):
                found[process.pid] = process
        except psutil.NoSuchProcess:
            continue
    found.pop(os.getpid(), None)
    return list(found.values())


@contextmanager
def running(*options: str, **environment: str) -> Iterator[Muster]:
    """`muster up` with these options and variables on a data folder of its own, stopped again at the end.

    The folder is short (socket paths end at 107 bytes) and open to search (as root, Postgres runs
    as a user of its own). Leaving it checks that SIGTERM left no process behind.
    """
    folder = Path(tempfile.mkdtemp(prefix="mj", dir="/tmp"))
    folder.chmod(0o755)
    errors = (folder / "stderr.txt").open("w+")
    process = subprocess.Popen(
        [sys.executable, "-m", "ops.cli", "up", "--json", "--data", str(folder / "d"), "--port", "0", *options],
        cwd=ROOT, env=clean_environment() | environment, stdout=subprocess.PIPE, stderr=errors, text=True,
    )  # fmt: skip
    try:
        muster = Muster(process, folder, _ready_line(process, errors))
        try:
            yield muster
        finally:
            muster.database.close()  # else the next test is blamed for it
        _stop(process, folder)
    finally:
        for left in processes_of(process.pid, folder):
            with suppress(psutil.NoSuchProcess):
                left.kill()
        process.wait(STOP_WITHIN)
        assert process.stdout
        process.stdout.close()
        errors.close()
        shutil.rmtree(folder, ignore_errors=True)


def _ready_line(process: "subprocess.Popen[str]", errors: IO[str]) -> dict[str, Any]:
    lines: queue.Queue[str] = queue.Queue()
    assert process.stdout
    threading.Thread(target=lambda stream: lines.put(stream.readline()), args=[process.stdout], daemon=True).start()
    try:
        line = lines.get(timeout=START_WITHIN)
    except queue.Empty:
        line = ""
    if not line:
        errors.seek(0)
        raise AssertionError(f"muster up did not become ready:\n{errors.read()[-4000:]}")
    ready: dict[str, Any] = json.loads(line)
    return ready


def _stop(process: "subprocess.Popen[str]", folder: Path) -> None:
    before = processes_of(process.pid, folder)
    process.terminate()
    process.wait(STOP_WITHIN)
    _, alive = psutil.wait_procs(before, timeout=1)
    left = [each.cmdline() for each in alive + processes_of(process.pid, folder)]
    assert left == [], "processes left behind by muster up"
