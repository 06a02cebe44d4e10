"""The csv suite: a large file of people through the console (upload, preview, run), then out again and in once more."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from models import database, master_list, operator, organisation
from models.database import Connection
from models.imports import store
from models.imports.store import Import
from ops.bench.console import Visitor
from ops.bench.grid import text_table
from ops.bench.system import System
from ops.bench.watching import Watching

ROWS = 100_000
LOOK_EVERY = 0.1  # seconds
FIELDS = ("First Name", "Last Name", "Email", "Phone", "Job Title", "Department", "Street", "City", "Postcode")
_CSRF = re.compile(rb'name="_csrf" value="(\w+)"')
_CHOSEN = re.compile(rb'name="(column_\d+)"(?:(?!</select>).)*?<option value="([^"]*)" selected>', re.DOTALL)
_BOUNDARY = "muster-bench-8c1f"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Step:
    """One step: seconds, rows, and megabytes of their own that the largest process of each kind had more at most than
    before it."""

    what: str
    seconds: float
    rows: int
    ingress: float
    worker: float
    wrong: list[str] = field(default_factory=list)


class _Watch(Watching):
    """Looks at what ingress and worker processes hold."""

    def __init__(self, system: System) -> None:
        self._system = system
        self.peak = {"ingress": 0.0, "workers": 0.0}
        self.before = {name: system.memory(name)[0].private for name in self.peak}
        super().__init__()

    def _run(self) -> None:
        while not self._over.wait(LOOK_EVERY):
            for name, before in self.before.items():
                grown = self._system.memory(name)[0].private - before
                self.peak[name] = max(self.peak[name], grown)


class _Operator(Visitor):
    """Somebody at the console who sends forms as well."""

    def form(self, path: str, body: bytes, kind: str) -> str:
        """Where a form leads."""
        self._line.request("POST", path, body, {"Cookie": self._cookie, "Content-Type": kind})
        answer = self._line.getresponse()
        text = answer.read()
        if answer.status != 303:
            raise RuntimeError(f"{path} was answered {answer.status}: {text[-300:]!r}")
        return answer.getheader("Location") or ""

    def csrf(self, path: str) -> str:
        """The token of a page."""
        found = _CSRF.search(self.get(path)[1])
        assert found
        return found[1].decode()


def measure(system: System, rows: int, say: Say) -> list[Step]:
    """Everybody new; the list out; the same file in again; a file in which everybody changes."""
    with database.connect(system.database_url) as opened:
        list_id, email, password = _prepare(opened)
        visitor = _Operator(system.console_root, email, password)
        found: list[Step] = []
        say(f"importing {rows:,} new people")
        found += _bring(system, opened, visitor, list_id, "new people", _file(rows, "A"), {"created": rows})
        say("exporting them")
        content, step = _export(system, visitor, list_id, rows)
        found.append(step)
        say("importing the export")
        found += _bring(system, opened, visitor, list_id, "the export again", content, {"unchanged": rows})
        say("importing a change of everybody")
        found += _bring(system, opened, visitor, list_id, "a change of everybody", _file(rows, "B"), {"updated": rows})
        visitor.close()
    return found


def _prepare(opened: Connection) -> tuple[str, str, str]:
    email = f"bench.{time.time_ns()}@muster.example"
    with database.transaction(opened) as cursor:
        owner = organisation.ensure(cursor, "Bench", "business")
        fields = [master_list.new_field(label, "text") for label in FIELDS]
        list_id = master_list.create(cursor, owner, f"Bench {time.time_ns()}", fields)
        return list_id, email, operator.add(cursor, owner, email)


def _file(rows: int, title: str) -> bytes:
    head = ",".join(("UID", *FIELDS)) + "\r\n"
    lines = (
        f"E{number:07},Given{number % 977},Family{number % 4801},p{number}@bench.example,020 {number:08},"
        f"Title {title}{number % 89},Department {number % 53},{number % 211} Long Street,City {number % 307},"
        f"PC{number % 997}\r\n"
        for number in range(rows)
    )
    return (head + "".join(lines)).encode()


@contextmanager
def _timed(system: System, what: str, rows: int, found: list[Step], wrong: list[str]) -> Iterator[None]:
    with _Watch(system) as watch:
        began = time.perf_counter()
        yield
        seconds = time.perf_counter() - began
    found.append(Step(what, seconds, rows, watch.peak["ingress"], watch.peak["workers"], wrong))


def _bring(
    system: System, opened: Connection, visitor: _Operator, list_id: str, what: str, content: bytes,
    expected: dict[str, int],
) -> list[Step]:  # fmt: skip
    """Upload, preview and run."""
    found: list[Step] = []
    new, rows = f"/lists/{list_id}/imports/new", sum(expected.values())
    csrf = visitor.csrf(new)
    with _timed(system, f"{what}: upload of {len(content) / 1e6:.0f} MB", rows, found, []):
        here = visitor.form(new, _multipart(csrf, content), f"multipart/form-data; boundary={_BOUNDARY}")
    chosen = _CHOSEN.findall(visitor.get(here)[1])
    form = "&".join(f"{name.decode()}={target.decode()}" for name, target in chosen)
    for act, told in (("preview", form), ("run", "")):
        wrong: list[str] = []
        with _timed(system, f"{what}: {act}", rows, found, wrong):
            visitor.form(f"{here}/{act}", f"_csrf={csrf}&{told}".encode(), "application/x-www-form-urlencoded")
            one = _over(opened, list_id, here.rpartition("/")[2])
        counts = {name: count for name, count in one.told.items() if count}
        if counts != expected:
            wrong.append(f"{what}, {act}: {one.state}, {counts} instead of {expected}")
    return found


def _multipart(csrf: str, content: bytes) -> bytes:
    part = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="'
    head = f'{part}_csrf"\r\n\r\n{csrf}\r\n{part}file"; filename="bench.csv"\r\nContent-Type: text/csv\r\n\r\n'
    return head.encode() + content + f"\r\n--{_BOUNDARY}--\r\n".encode()


def _over(opened: Connection, list_id: str, import_id: str) -> Import:
    while True:
        with database.transaction(opened, [list_id]) as cursor:
            one = store.find(cursor, list_id, import_id)
        if not one.is_open:
            return one
        time.sleep(0.02)


def _export(system: System, visitor: _Operator, list_id: str, rows: int) -> tuple[bytes, Step]:
    found: list[Step] = []
    wrong: list[str] = []
    with _timed(system, "export as CSV", rows, found, wrong):
        _, content = visitor.get(f"/lists/{list_id}/people/export/file?status=all")
    lines = content.count(b"\r\n") - 1
    if lines != rows:
        wrong.append(f"export: {lines} of {rows} people")
    return content, found[0]


def table(steps: Sequence[Step]) -> str:
    """For docs/measurements.md."""
    heads = ("step", "seconds", "rows a second", "ingress, MB more at most", "worker, MB more at most")
    return text_table(heads, [_line(one) for one in steps])


def _line(one: Step) -> tuple[str, ...]:
    speed = f"{one.rows / one.seconds:,.0f}"
    return one.what, f"{one.seconds:.1f}", speed, f"{one.ingress:.1f}", f"{one.worker:.1f}"


def as_json(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """For `--json`."""
    return [asdict(one) for one in steps]
