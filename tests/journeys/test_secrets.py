"""A whole stack is used by every door with every secret that it issues or is given, and made to fail; then all that it
wrote, answered and shows of itself is looked through for each of them."""

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import redis
from click.testing import CliRunner

from models import database
from models.database import Connection
from ops.cli import main
from ops.embedded import SERVING, Postgres
from ops.simulators.graph import Directory, GraphServer
from ops.vault import new_key
from tests.factories import user
from tests.journeys.idp import Idp
from tests.journeys.system import Muster, running
from tests.journeys.waiting import eventually
from tests.valkey import running_valkey

pytestmark = pytest.mark.journey

DATABASE, OWNER, VALKEY = "databasePassword7Qx", "ownerPassword7Qx", "valkeyPassword7Qx"
SENT = "sentPassword7Qx"  # by an identity provider, as its users' password
READS = [
    ["list", "list"], ["list", "show", "Staff"], ["token", "list", "Staff"], ["api-key", "list"], ["operator", "list"],
    ["directory", "list"], ["directory", "test", "Entra"], ["log", "Staff"], ["audit", "--limit", "1000"],
    ["backlog"], ["people", "list", "Staff"], ["organisation", "show", "Default"], ["doctor", "--no-reach"],
]  # fmt: skip


class Stack:
    """A running system with passwords to everything, and what was seen of it."""

    def __init__(self, muster: Muster, environment: dict[str, str], graph: GraphServer, superuser: Connection) -> None:
        self.muster, self.environment, self.graph, self.superuser = muster, environment, graph, superuser
        self.seen: dict[str, str] = {}
        self.secrets = {
            "database password": DATABASE, "owner's password": OWNER, "Valkey password": VALKEY,
            "user's password": SENT,
            "secret key": Path(environment["MUSTER_SECRET_KEY_FILE"]).read_text(),
            "client secret": graph.directory.client_secret,
        }  # fmt: skip

    def run(self, *arguments: str, stdin: str = "", keeps: bool = True) -> str:
        """A command's output; what both streams say is kept, unless it shows a secret once."""
        done = CliRunner().invoke(main, arguments, input=stdin, env=self.environment)
        if keeps:
            self.seen[f"command {' '.join(arguments)}, {len(self.seen)}"] = f"{done.output}{done.exception!r}"
        return done.stdout

    def ask(self, client: httpx.Client, method: str, path: str, **more: Any) -> httpx.Response:
        """An answer, of which everything is kept."""
        answer = client.request(method, path, **more)
        self.seen[f"{method} {path}, {len(self.seen)}"] = f"{answer.headers}{answer.text}"
        return answer


@pytest.fixture
def stack(connection: Connection, postgres: Postgres, tmp_path: Path, owner_url: str) -> Iterator[Stack]:
    """`muster up` on servers of its own, to which it was given passwords in files."""
    with running_valkey(tmp_path) as valkey, GraphServer(Directory(users=3, groups=1)) as graph:
        redis.Redis.from_url(valkey.url()).config_set("requirepass", VALKEY)
        given = {
            "DATABASE_URL": postgres.url(SERVING).replace("@", f":{DATABASE}@"),
            "OWNER_URL": owner_url.replace("@", f":{OWNER}@"),
            "REDIS_URL": f"unix://:{VALKEY}@{valkey.socket}",
            "SECRET_KEY": new_key(),
        }
        files = {f"MUSTER_{name}_FILE": str(tmp_path / name) for name in given}
        for name, value in given.items():
            (tmp_path / name).write_text(value)
            (tmp_path / name).chmod(0o600)
        settings = files | {"MUSTER_GRAPH_SIMULATOR": graph.url}
        with running("--no-demo", **settings) as muster, database.connect(postgres.url("postgres")) as superuser:
            try:
                yield Stack(muster, settings, graph, superuser)
            finally:
                superuser.execute(f"alter role {SERVING} login".encode())  # whatever became of the test


def use(stack: Stack) -> None:
    """Issue one of each secret, by the door that it is issued by, and use it."""
    run, secrets, console_url = stack.run, stack.secrets, stack.muster.ready["console_url"]
    list_id = json.loads(run("list", "create", "Staff", "--json"))["list_id"]
    secrets["token"] = json.loads(run("token", "issue", "Staff", "--json", keeps=False))["token"]
    secrets["API key"] = json.loads(run("api-key", "create", "all", "--scope", "write", "--json", keeps=False))["key"]
    made = run("operator", "add", "mila@north.example", "--org", "Default", "--json", keeps=False)
    secrets["operator's password"] = json.loads(made)["password"]
    ids = ("--tenant", stack.graph.directory.tenant_id, "--client", stack.graph.directory.client_id)
    run("directory", "add", "Entra", *ids, "--cloud", "simulated", stdin=f"{secrets['client secret']}\n")

    with Idp(list_id, f"{stack.muster.scim_root}/{list_id}", secrets["token"]) as idp:
        stack.ask(idp.http, "POST", f"{idp.base_url}/Users", json=user("ada@north.example", password=SENT))
        stack.muster.settled(list_id)
        misuse(stack, idp)
    with httpx.Client(base_url=console_url, trust_env=False, timeout=30) as api:
        api.headers["Authorization"] = f"Bearer {secrets['API key']}"
        issued = api.post(f"/api/v1/lists/{list_id}/tokens", json={})
        secrets["second token"] = issued.json()["token"]
        for path in ("lists", f"lists/{list_id}/tokens", f"lists/{list_id}/log?period=all", "api-keys", "audit", "no",
                     "directory-connections", f"lists/{list_id}/people", "lists?limit=x"):  # fmt: skip
            stack.ask(api, "GET", f"/api/v1/{path}")
    walk(stack, console_url, list_id)


def misuse(stack: Stack, idp: Idp) -> None:
    """Put secrets where they do not belong, as people do."""
    http, base, token = idp.http, idp.base_url, stack.secrets["token"]
    operator = stack.secrets["operator's password"]
    for path in (f"/Users/{token}", f"/{token}", f'/Users?filter=userName eq "{token}"', f"/Users?{token}=1",
                 f"/Users?filter={token}", f"/Users?sortBy={token}", f"/Users?cursor={token}"):  # fmt: skip
        http.get(base + path)  # its own answer may quote what it sent
    for body in ({"schemas": [token]}, {"userName": {"token": token}}, [token], {"password": SENT},
                 {"schemas": [], "userName": 7, "title": f"Bearer {token}"}):  # fmt: skip
        http.post(f"{base}/Users", json=body)
    http.post(f"{base}/Users", content=b'{"password": "' + SENT.encode() + b'", "a": ')
    http.get(f"{base}/Users", headers={"Authorization": f"Basic {token}"})
    http.get(f"{base}/Users", headers={"Authorization": f"Bearer {token}x", "User-Agent": token, "X-Request-ID": token})
    http.post(f"{stack.muster.ready['console_url']}/login", data={"email": operator, "password": operator})


def walk(stack: Stack, console_url: str, list_id: str) -> None:
    """The console's pages, and its error pages."""
    with httpx.Client(base_url=console_url, trust_env=False, timeout=30) as browser:
        password = stack.secrets["operator's password"]
        browser.post("/login", data={"email": "mila@north.example", "password": password, "next": "/lists"})
        stack.secrets["session cookie"] = browser.cookies["muster"]
        at = f"/lists/{list_id}"
        for path in ("/lists", "/sessions", "/settings/api-keys", "/settings/audit", "/settings/audit.csv",
                     "/settings/directories", "/settings/plan", f"{at}/people", f"{at}/sync", f"{at}/sync/tokens/new",
                     f"{at}/sync?period=all", f"{at}/sync/mappings", f"{at}/sync/log.csv?period=all",
                     f"{at}/sync/log.ndjson?period=all", "/nothing", f"{at}/people/7", "/help"):  # fmt: skip
            stack.ask(browser, "GET", path, headers={"Accept": "text/html"})
        stack.ask(browser, "POST", f"{at}/sync/connect", data={"uid": "userName"})
        directory = re.findall(r"/settings/directories/[0-9a-f-]{36}", browser.get("/settings/directories").text)
        for path in dict.fromkeys(directory):
            stack.ask(browser, "GET", path)
        browser.headers["Cookie"] = f"muster={stack.secrets['session cookie']}"


def break_things(stack: Stack) -> None:
    """Connections that are cut, a Valkey that does not know its password any more, a directory that refuses."""
    token = stack.secrets["token"]
    [(list_id,)] = stack.superuser.execute("select id from master_list").fetchall()
    stack.graph.faults.add("token", status=401, times=2)
    stack.run("directory", "test", "Entra")
    stack.superuser.execute(f"alter role {SERVING} nologin".encode())
    stack.superuser.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = %s", (SERVING,))
    valkey = redis.Redis.from_url(Path(stack.environment["MUSTER_REDIS_URL_FILE"]).read_text())
    valkey.config_set("requirepass", "another")
    valkey.client_kill_filter(_type="normal", skipme=True)
    valkey.client_kill_filter(_type="pubsub")
    with Idp(list_id, f"{stack.muster.scim_root}/{list_id}", token) as idp:
        refused = stack.ask(idp.http, "POST", f"{idp.base_url}/Users", json=user("ben@north.example"))
        stack.run("people", "list", "Staff")
        stack.superuser.execute(f"alter role {SERVING} login".encode())
        for number in range(5):
            stack.ask(idp.http, "POST", f"{idp.base_url}/Users", json=user(f"late{number}@north.example"))
    assert refused.status_code == 503
    eventually(lambda: "AuthenticationError" in logged(stack), 15, "an error of Valkey's in the log")
    stack.run("doctor", "--no-reach")
    valkey.config_set("requirepass", VALKEY)


def logged(stack: Stack) -> str:
    """Everything that the stack's processes wrote."""
    logs = [stack.muster.folder / "stderr.txt", *(stack.muster.folder / "d" / "logs").glob("*")]
    return "\n".join(file.read_text(errors="replace") for file in logs)


def stored(stack: Stack) -> Iterator[tuple[str, str]]:
    """Every table as text, and every key of Valkey's."""
    tables = stack.superuser.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
    for (table,) in tables:
        rows = stack.superuser.execute(f"select t::text from {table} t".encode()).fetchall()
        yield f"table {table}", "\n".join(row[0] for row in rows)
    valkey = redis.Redis.from_url(Path(stack.environment["MUSTER_REDIS_URL_FILE"]).read_text())
    yield "Valkey", " ".join(f"{key!r} {valkey.dump(key)!r}" for key in valkey.scan_iter())


def test_no_secret_is_in_anything_that_is_written_answered_or_shown(stack: Stack) -> None:
    use(stack)
    for command in READS:
        stack.run(*command)
        stack.run(*command, "--json")
    break_things(stack)

    stack.seen["log"] = logged(stack)
    for url in (stack.muster.ready["metrics_url"], *stack.muster.ready["worker_metrics_urls"]):
        stack.seen[url] = httpx.get(url, trust_env=False).text
    stack.seen |= dict(stored(stack))
    for process in stack.muster.processes():
        stack.seen[f"command line of {process.pid}"] = " ".join(process.cmdline())
        stack.seen[f"environment of {process.pid}"] = str(process.environ())
    assert "database_lost" in stack.seen["log"]  # the errors that were to be provoked are there

    # Of what begins with a name, the part that is secret.
    parts = {name: one[12:] if one.startswith(("sct_", "msk_")) else one for name, one in stack.secrets.items()}
    found = [(where, name) for where, text in stack.seen.items() for name, part in parts.items() if part in text]
    assert len(parts) == 11
    assert found == [], "\n".join(map(str, found))


def test_a_process_that_crashes_leaves_no_core(stack: Stack) -> None:
    processes = stack.muster.processes()
    limits = {" ".join(one.cmdline()): one.rlimit(psutil.RLIMIT_CORE)[0] for one in processes}
    victim = next(one for one in processes if one.cmdline()[-1:] == ["workers"] and not one.children())
    folder = Path(victim.cwd())
    before = set(folder.glob("core*"))
    victim.send_signal(signal.SIGABRT)
    eventually(lambda: not victim.is_running() or victim.status() == psutil.STATUS_ZOMBIE, 15, "its end")

    assert {words: limit for words, limit in limits.items() if limit not in (0, 1)} == {}
    assert set(folder.glob("core*")) == before


def test_files_of_a_run_are_its_owner_s_alone(stack: Stack) -> None:
    folder = stack.muster.folder / "d"
    texts = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}

    telling = {file for file, text in texts.items() if DATABASE.encode() in text}
    assert telling == {folder / "state.json"}
    assert {file.name: oct(file.stat().st_mode) for file in telling if file.stat().st_mode & 0o077} == {}
    # Everything else is counters and logs, in folders that nobody else may look into.
    inside = [one for one in folder.iterdir() if one.is_dir()]
    assert {one.name: oct(one.stat().st_mode) for one in inside if one.stat().st_mode & 0o077} == {}
