"""The console suite: every page of a large list, one after the other, as a browser asks for it."""

import http.client
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

from models import operator
from models.database import Connection, connect, transaction
from ops import filling
from ops.bench.system import System
from ops.bench.targets import Line
from ops.browser import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

REPEATS, VISITS = 15, 5
PAGE_MS = 50.0
# Milliseconds since the navigation began. Awaited in the page: its policy forbids a predicate that is evaluated.
FIRST_PAINT = """() => new Promise((done) => new PerformanceObserver((list) =>
    list.getEntriesByName("first-contentful-paint").forEach((entry) => done(entry.startTime))
).observe({ type: "paint", buffered: true }))"""
HTMX = {"HX-Request": "true"}


@dataclass(slots=True)
class Page:
    """What a page took, in milliseconds until its last byte."""

    what: str
    p50_ms: float
    worst_ms: float
    kilobytes: float
    painted_ms: float | None = None  # first contentful paint in Chromium with an empty cache, whole pages only


class Visitor:
    """Somebody signed in, on one kept-alive connection."""

    def __init__(self, console_root: str, email: str, password: str) -> None:
        parts = urlsplit(console_root)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._line = kind(parts.hostname or "", parts.port, timeout=60)
        form = urlencode({"email": email, "password": password, "next": "/lists"})
        self._line.request("POST", "/login", form, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = self._line.getresponse()
        answer.read()
        if answer.status != 303:
            raise RuntimeError(f"the console answered {answer.status} to a sign-in")
        self._cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]

    @property
    def cookie(self) -> tuple[str, str]:
        """Name and value of the session's cookie."""
        name, _, value = self._cookie.partition("=")
        return name, value

    def close(self) -> None:
        """Hang up."""
        self._line.close()

    def get(self, path: str, **headers: str) -> tuple[float, bytes]:
        """Milliseconds and the page."""
        started = time.perf_counter()
        self._line.request("GET", path, headers={"Cookie": self._cookie, **headers})
        answer = self._line.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path} was answered {answer.status}")
        return (time.perf_counter() - started) * 1000, body


def pages(list_id: str, person_id: str, entry_id: int, name: str, uid: str, request_id: str) -> dict[str, str]:
    """What is asked for, by name; a path that begins with `~` is asked for as htmx does."""
    at = f"/lists/{list_id}"
    log = f"~{at}/sync/log?"
    return {
        "lists": "/lists",
        "people": f"{at}/people",
        "people, last page": f"{at}/people?status=all&before=~",
        "people, inactive": f"~{at}/people?status=inactive",
        "people, search by a part of a name": f"~{at}/people?status=all&q=riksen",
        "people, search by two letters": f"~{at}/people?status=all&q=ha",
        "people, search by UID": f"~{at}/people?status=all&q={quote(uid)}",
        "people, search that finds nobody": f"~{at}/people?status=all&q=zzqqxx",
        "person": f"~{at}/people/{person_id}",
        "sync": f"{at}/sync",
        "mappings": f"{at}/sync/mappings",
        "log": log,
        "log, all time": f"{log}period=all",
        "log, rejected": f"{log}result=rejected&period=all",
        "log, waiting": f"{log}result=waiting&period=all",
        "log, deactivated": f"{log}operation=deactivate&period=all",
        "log, rejected updates": f"{log}operation=update&result=rejected&period=30d",
        "log, search by a name": f"{log}q={quote(name)}&period=all",
        "log, search by UID": f"{log}q={quote(uid)}&period=all",
        "log, search by request id": f"{log}q={quote(request_id)}&period=all",
        "log, search that finds nothing": f"{log}q=zzqqxx&period=all",
        "log entry": f"~{at}/sync/log/{entry_id}",
        "held deactivations": f"{at}/sync/held",
        "set-up guide": f"{at}/sync/setup/okta",
        "help": "/help",
        "troubleshooting": "/help/troubleshooting",
    }


def prepare(connection: Connection, list_id: str) -> tuple[dict[str, str], str, str]:
    """The pages of a list and somebody who may see them: e-mail address and password."""
    with transaction(connection, [list_id]) as cursor:
        cursor.execute("select organisation_id from master_list where id = %s", (list_id,))
        (organisation_id,) = cursor.fetchone() or (None,)
        email = f"bench.{time.time_ns()}@muster.example"
        password = operator.add(cursor, str(organisation_id), email)
        cursor.execute("select id, uid from person where list_id = %s offset 1000 limit 1", (list_id,))
        person_id, uid = cursor.fetchone() or ("", "")
        cursor.execute(
            "select id, request_id from log_entry where list_id = %s order by at desc offset 1000 limit 1", (list_id,)
        )
        entry_id, request_id = cursor.fetchone() or (0, "")
    return pages(list_id, str(person_id), entry_id, uid.partition(".")[0], uid, request_id), email, password


def suite(system: System, users: int, entries: int, say: Callable[[str], None]) -> list[Page]:
    """Every page of a new list with so many people and entries of its log."""
    list_id, _ = system.new_list()
    with connect(system.database_url) as opened:
        say(f"filling a list with {users:,} people and {entries:,} log entries")
        filling.fill(system.database_url, system.owner_url, list_id, users, entries)
        wanted, email, password = prepare(opened, list_id)
    say("asking for pages")
    visitor = Visitor(system.console_root, email, password)
    found = measure(visitor, wanted)
    paint(system.console_root, visitor.cookie, wanted, found)
    return found


def measure(visitor: Visitor, wanted: dict[str, str]) -> list[Page]:
    """Each page, several times."""
    found = []
    for what, path in wanted.items():
        headers = HTMX if path.startswith("~") else {}
        took = [visitor.get(path.removeprefix("~"), **headers) for _ in range(REPEATS + 1)][1:]
        times = [milliseconds for milliseconds, _ in took]
        found.append(Page(what, round(median(times), 1), round(max(times), 1), round(len(took[-1][1]) / 1024, 1)))
    return found


def paint(root: str, cookie: tuple[str, str], wanted: dict[str, str], found: list[Page]) -> None:
    """Add each whole page's first contentful paint, the median of some visits by a browser that has nothing yet."""
    with chromium() as browser:
        if browser is None:
            return
        for page in found:
            path = wanted[page.what]
            if not path.startswith("~"):
                page.painted_ms = round(median(_painted(browser, root, cookie, path) for _ in range(VISITS)))


def _painted(browser: "Browser", root: str, cookie: tuple[str, str], path: str) -> float:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_cookies([{"name": cookie[0], "value": cookie[1], "url": root}])
    page = context.new_page()
    page.goto(root + path)
    painted: float = page.evaluate(FIRST_PAINT)
    context.close()
    return painted


def table(found: list[Page]) -> str:
    """The results as text."""
    lines = [f"{'page':36} {'p50 ms':>8} {'worst ms':>9} {'KB':>7} {'painted ms':>11}"]
    lines += [
        f"{one.what:36} {one.p50_ms:8.1f} {one.worst_ms:9.1f} {one.kilobytes:7.1f}"
        f" {'' if one.painted_ms is None else f'{one.painted_ms:.0f}':>11}"
        for one in found
    ]
    return "\n".join(lines)


def lines(found: list[Page]) -> list[Line]:
    """Against the target: the slowest page."""
    slowest = max(found, key=lambda one: one.p50_ms)
    return [Line("console: the slowest page at the median", PAGE_MS, slowest.p50_ms, "ms", note=slowest.what)]
