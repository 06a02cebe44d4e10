"""`muster up` as a process: what it prints, whom it refuses, what it leaves behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from ops.addresses import lasting_port
from ops.simulators.directory import IDPS, run
from ops.simulators.graph import Directory
from ops.vault import Vault, new_key
from tests.journeys.system import Muster, clean_environment, processes_of, running
from tests.valkey import running_valkey

pytestmark = pytest.mark.journey
UP = [sys.executable, "-m", "ops.cli", "up"]


@pytest.fixture(scope="module")
def demo() -> Iterator[Muster]:
    """One `muster up` with its demo. That nothing is left when it stops is checked by `running`."""
    with running() as stack:
        yield stack


def again(muster: Muster, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*UP, "--data", str(muster.folder / "d"), *options],
        env=clean_environment(), capture_output=True, text=True, timeout=30,
    )  # fmt: skip


def test_the_ready_line_has_everything_that_a_script_needs(demo: Muster) -> None:
    assert set(demo.ready) == {
        "console_url", "scim_root", "metrics_url", "worker_metrics_urls", "database_url", "redis_url", "operator",
        "lists",
    }  # fmt: skip
    assert [each["name"] for each in demo.ready["lists"]] == ["Okta", "Entra ID", "PingOne", "OneLogin", "JumpCloud"]
    for each in demo.ready["lists"]:
        assert set(each) == {"list_id", "name", "unique_identifier", "scim_base_url", "token"}
        assert each["scim_base_url"] == f"{demo.ready['scim_root']}/{each['list_id']}"
        assert each["token"].startswith("sct_")
    assert demo.ready["operator"]["password"]


def test_a_second_up_on_the_folder_says_who_is_there(demo: Muster) -> None:
    second = again(demo, "--port", "0")

    assert second.returncode == 3
    assert f"(process {demo.process.pid})" in second.stderr
    assert demo.ready["scim_root"].removesuffix("/scim/v2") in second.stderr


def test_a_taken_port_is_refused_before_anything_is_started(demo: Muster, tmp_path: Path) -> None:
    port = demo.ready["scim_root"].split(":")[2].split("/")[0]

    refused = subprocess.run(
        [*UP, "--data", str(tmp_path / "d"), "--port", port],
        env=clean_environment(), capture_output=True, text=True, timeout=30,
    )  # fmt: skip

    assert refused.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in refused.stderr
    assert not (tmp_path / "d" / "postgres").exists()


def test_nobody_else_can_look_into_the_data_folder(demo: Muster) -> None:
    data = demo.folder / "d"

    assert data.stat().st_mode & 0o066 == 0
    for path in data.iterdir():
        assert not path.is_dir() or path.stat().st_mode & 0o077 == 0, path


def test_commands_find_the_running_up_by_its_folder(demo: Muster) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ops.cli", "doctor", "--json", "--data", str(demo.folder / "d")],
        env=clean_environment(), capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert json.loads(done.stdout)["healthy"], done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize("name", IDPS)
def test_simulated_identity_providers_are_served(demo: Muster, name: str) -> None:
    idp = IDPS[name]()
    [target] = [each for each in demo.ready["lists"] if each["name"] == idp.list_name]

    report = run(idp, target["scim_base_url"], target["token"], users=10, update_share=0.5, leaver_share=0.2)
    demo.settled(target["list_id"])

    assert (report["failed"], report["failures"]) == (0, [])
    assert len(demo.people(target["list_id"], "active")) == 8


def command(demo: Muster, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "ops.cli", *arguments, "--json", "--data", str(demo.folder / "d")],
        env=clean_environment(), input=stdin, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip


def test_the_key_is_a_file_of_the_folder_and_nowhere_else(demo: Muster) -> None:
    data = demo.folder / "d"
    file = data / "secret_key"
    key = file.read_text().strip()
    written = [data / "state.json", demo.folder / "stderr.txt", *(data / "logs").iterdir()]
    told = json.dumps(demo.ready) + "".join(path.read_text() for path in written)

    assert (file.stat().st_mode & 0o777, file.stat().st_uid) == (0o600, data.stat().st_uid)
    assert Vault([key]).has_key
    assert key not in told
    assert not any(key in word for process in demo.processes() for word in process.cmdline())


def environments(stack: Muster) -> list[dict[str, str]]:
    """Of ingress and workers; what is asked whether servers answer is gone as soon as it is seen."""
    found = []
    for process in stack.processes():
        with suppress(psutil.NoSuchProcess):
            if process.cmdline()[-1:] in (["ingress"], ["workers"]):
                found.append(process.environ())
    return found


def test_commands_and_processes_use_the_key_and_the_simulated_directory_of_the_folder(demo: Muster) -> None:
    directory = Directory()
    ids = ("--tenant", directory.tenant_id, "--client", directory.client_id, "--cloud", "simulated")
    command(demo, "directory", "add", "North", *ids, "--org", "Demo", stdin="a~secret")
    [[sealed]] = demo.rows("select client_secret from directory_connection")
    seen = environments(demo)

    assert Vault([(demo.folder / "d" / "secret_key").read_text().strip()]).open(sealed) == "a~secret"
    assert seen
    for environment in seen:
        assert environment["MUSTER_SECRET_KEY_FILE"] == str(demo.folder / "d" / "secret_key")
        assert environment["MUSTER_GRAPH_SIMULATOR"] == "http://127.0.0.1:8765"
        assert "MUSTER_SECRET_KEY" not in environment
    command(demo, "directory", "remove", "North")


def test_a_key_of_the_environment_is_used_and_without_a_demo_no_directory_is_simulated() -> None:
    key = new_key()
    with running("--no-demo", MUSTER_SECRET_KEY=key) as stack:
        data = stack.folder / "d"
        state = json.loads((data / "state.json").read_text())
        seen = environments(stack)

    assert (state["secret_key_file"], state["graph_simulator"]) == (None, None)
    assert not (data / "secret_key").exists()
    assert {each["MUSTER_SECRET_KEY"] for each in seen} == {key}
    assert not any(name in each for each in seen for name in ("MUSTER_GRAPH_SIMULATOR", "MUSTER_SECRET_KEY_FILE"))


def test_leftovers_of_a_killed_up_are_cleaned_up_by_the_next() -> None:
    folder = Path(tempfile.mkdtemp(prefix="mu", dir="/tmp"))
    folder.chmod(0o711)
    # The same port: what is left still listens there.
    command = [*UP, "--json", "--port", str(lasting_port()), "--no-demo", "--data", str(folder / "d")]
    try:
        with (folder / "stderr.txt").open("w") as errors:
            killed = subprocess.Popen(command, env=clean_environment(), stdout=subprocess.PIPE, stderr=errors)
            assert killed.stdout
            assert killed.stdout.readline()
            left = [process.pid for process in processes_of(killed.pid, folder)]
            os.kill(killed.pid, signal.SIGKILL)
            killed.wait()

            second = subprocess.Popen(command, env=clean_environment(), stdout=subprocess.PIPE, stderr=errors)
            assert second.stdout
            ready = json.loads(second.stdout.readline())
        assert ready["lists"] == []
        assert not {process.pid for process in processes_of(second.pid, folder)} & set(left)

        stopping = time.monotonic()
        second.send_signal(signal.SIGINT)
        assert second.wait(10) == 0
        assert time.monotonic() - stopping < 10
        assert processes_of(second.pid, folder) == []
        for process in (killed, second):
            assert process.stdout
            process.stdout.close()
    finally:
        for left_over in processes_of(killed.pid, folder):
            left_over.kill()
        shutil.rmtree(folder, ignore_errors=True)


def test_a_server_that_a_file_names_is_used_in_place_of_an_embedded_one(tmp_path: Path) -> None:
    with running_valkey(tmp_path) as valkey:
        (tmp_path / "url").write_text(f"{valkey.url()}\n")
        with running("--no-demo", MUSTER_REDIS_URL_FILE=str(tmp_path / "url")) as stack:
            assert stack.ready["redis_url"] == valkey.url()


def test_later_starts_keep_the_lists_and_show_no_secret_again(demo: Muster) -> None:
    demo.process.terminate()  # the last of the demo's tests
    assert demo.process.wait(15) == 0
    granted = demo.folder / "d" / "postgres" / "muster.roles"
    granted.unlink()  # the second start finds a cluster of an earlier Muster
    up = subprocess.Popen(
        [*UP, "--json", "--port", "0", "--data", str(demo.folder / "d")],
        env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert up.stdout
    with up.stdout as said:
        later = json.loads(said.readline())
        up.terminate()
        assert up.wait(15) == 0

    assert granted.exists()
    first = demo.ready
    assert {each["list_id"] for each in later["lists"]} == {each["list_id"] for each in first["lists"]}
    assert [each["token"] for each in later["lists"]] == [None] * 5
    assert later["operator"] == {"email": first["operator"]["email"], "password": None}
