"""`muster simulate entra-graph`, as a process of its own, and what changes in its tenant by itself."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from click.testing import CliRunner

from ops.addresses import listening
from ops.cli import main
from ops.commands.simulate import IDPS
from ops.simulators.graph import Directory, GraphServer
from ops.simulators.graph.days import Days
from tests.ops.graph_client import Client


@contextmanager
def running(*options: str) -> Iterator["subprocess.Popen[str]"]:
    """The command on a free port."""
    command = [sys.executable, "-m", "ops.cli", "simulate", "entra-graph", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def ready(process: "subprocess.Popen[str]") -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def post_token(known: dict[str, Any]) -> Any:
    form = (
        f"client_id={known['client_id']}&client_secret={known['client_secret']}&grant_type=client_credentials"
        "&scope=https://graph.microsoft.com/.default"
    )
    with urlopen(f"{known['url']}/{known['tenant_id']}/oauth2/v2.0/token", form.encode(), 10) as answer:
        return json.load(answer)["access_token"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_stop(number: signal.Signals) -> None:
    with running("--users", "7", "--groups", "2", "--json") as process:
        known = ready(process)
        asked = Request(f"{known['url']}/v1.0/users/delta?$select=id")
        asked.add_header("Authorization", f"Bearer {post_token(known)}")
        with urlopen(asked, timeout=10) as answer:
            people = json.load(answer)["value"]
        process.send_signal(number)

        assert (process.wait(10), process.communicate()) == (0, ("", ""))
    assert set(known) == {"url", "tenant_id", "client_id", "client_secret", "users", "groups"}
    assert (len(people), known["users"], known["groups"]) == (7, 7, 2)


def test_people_read_what_they_need_to_connect() -> None:
    with running("--users", "7", "--groups", "12") as process:
        assert process.stdout is not None
        lines: list[str] = []
        while "more" not in (lines or [""])[-1]:
            lines.append(process.stdout.readline())
        shown, known = "".join(lines), Directory()

    for each in (known.tenant_id, known.client_id, known.client_secret, "http://127.0.0.1:", "7 users, 12 groups"):
        assert each in shown
    assert "Admissions 0               7 members" in shown
    assert "and 2 more" in shown


def test_a_port_that_is_taken_is_said() -> None:
    with listening("127.0.0.1", 0) as listener:
        port = str(listener.getsockname()[1])
        result = CliRunner().invoke(main, ["simulate", "entra-graph", "--port", port])

    assert result.exit_code == 3
    assert f"cannot listen on 127.0.0.1:{port} (Address already in use): choose another --port" in result.stderr


def test_its_options_are_not_those_of_traffic() -> None:
    runner = CliRunner()
    helps = runner.invoke(main, ["simulate", "--help"]).stdout
    wrong = [["entra-graph", "--list", "Staff"], ["entra-graph", "--cycles", "2"], ["okta", "--changes", "2"], ["x"]]

    assert all(f"\n  {name} " in helps for name in (*IDPS, "entra-graph"))
    for name in (*IDPS, "entra-graph"):
        assert f"simulate {name} [OPTIONS]" in runner.invoke(main, ["simulate", name, "--help"]).stdout
    assert [runner.invoke(main, ["simulate", *each]).exit_code for each in wrong] == [2, 2, 2, 2]


def test_changes_happen_and_are_seen_by_delta_queries() -> None:
    directory = Directory(users=20, groups=4)
    with GraphServer(directory) as server, closing(Client(server)) as client:
        _, people = client.round("/users/delta?$select=jobTitle")
        _, groups = client.round("/groups/delta?$select=members")
        days = Days(directory)
        kinds = {days.change() for _ in range(60)}
        changed, _ = client.round(people)
        moved, _ = client.round(groups)

    assert kinds == {"joiner", "title", "leaver", "move"}
    assert any("@removed" in one for one in changed)
    assert any(int(one["id"][-12:], 16) >= 20 for one in changed)
    assert any("members@delta" in one for one in moved)


def test_changes_are_the_same_for_a_seed() -> None:
    one, two = Directory(users=9, groups=2), Directory(users=9, groups=2)
    for directory in (one, two):
        days = Days(directory, 7)
        for _ in range(50):
            days.change()

    assert one.log == two.log


def test_an_empty_tenant_gets_joiners() -> None:
    directory = Directory()

    assert [Days(directory).change(), len(directory.user_ids())] == ["joiner", 1]


def test_it_throttles() -> None:
    with running("--throttle", "1", "--json") as process:
        known = ready(process)
        asked = Request(f"{known['url']}/v1.0/groups", headers={"Authorization": f"Bearer {post_token(known)}"})
        with urlopen(asked, timeout=10):
            pass
        with pytest.raises(HTTPError) as refused:
            urlopen(asked, timeout=10)
        refused.value.close()

    assert refused.value.code == 429
    assert 1 <= int(refused.value.headers["Retry-After"]) <= 10


def test_changes_a_minute_end_with_the_command() -> None:
    with running("--changes", "600000", "--json") as process:
        known = ready(process)
        token = post_token(known)
        count = 100
        while count == 100:  # until somebody joined or left
            asked = Request(f"{known['url']}/v1.0/users/$count", headers={"ConsistencyLevel": "eventual"})
            asked.add_header("Authorization", f"Bearer {token}")
            with urlopen(asked, timeout=10) as answer:
                count = int(answer.read())
        process.terminate()

        assert process.wait(10) == 0
