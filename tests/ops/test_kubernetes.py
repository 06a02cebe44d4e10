"""ops/kubernetes: against the API's schemas, and against itself."""

import re
from typing import Any

import kubernetes_validate
import pytest

from ops.commands.serve import KILL_AFTER
from ops.settings import PREFIX
from tests.ops.dockerfile import ROOT
from tests.ops.test_containers import VERSION
from tests.ops.test_metrics import declared
from tests.ops.yamls import (
    KUBERNETES,
    SETTINGS,
    containers,
    environment,
    kubernetes,
    of_kind,
    pinned,
    pods,
    services,
)

# The versions of Kubernetes that were supported when this was written.
VERSIONS = ["1.34", "1.35", "1.36", "1.37"]
FOREIGN = {"ScaledObject"}  # KEDA's: no schema of the API's
OURS = ("ingress", "console", "workers", "muster-migrate")
SERVING = ("ingress", "console", "workers")


def chosen(selector: dict[str, Any]) -> set[str]:
    """The pods that a selector matches."""
    found = set()
    for name, pod in pods().items():
        labels = pod["metadata"]["labels"]
        plain = selector.get("matchLabels", {}).items() <= labels.items()
        if plain and all(labels.get(each["key"]) in each["values"] for each in selector.get("matchExpressions", ())):
            found.add(name)
    return found


def named(kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in of_kind(kind)}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_file_is_what_the_api_takes(version: str) -> None:
    documents = [*kubernetes(), *kubernetes("*.yaml.example")]

    assert len(documents) > 15
    for document in documents:
        if document["kind"] not in FOREIGN:
            kubernetes_validate.validate(document, version, strict=True)


def test_a_field_that_the_api_does_not_know_is_noticed() -> None:
    wrong = of_kind("Deployment")[0]
    wrong["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_everything_is_in_one_namespace_and_says_what_it_belongs_to() -> None:
    for each in kubernetes():
        assert each["metadata"].get("namespace") == (None if each["kind"] == "Namespace" else "muster")
        assert each["metadata"]["labels"]["app.kubernetes.io/part-of"] == "muster"


# --- settings and secrets ---


def test_every_setting_exists() -> None:
    told = {name for each in of_kind("ConfigMap") for name in each["data"]}
    told |= {name for each in kubernetes("*.yaml.example") for name in each["stringData"] if name.startswith(PREFIX)}
    told |= {name for name in OURS for name in environment(containers()[name])}

    assert len(told) > 5
    assert told - SETTINGS == set()


def test_no_secret_is_written_down_and_none_is_applied_by_mistake() -> None:
    examples = kubernetes("*.yaml.example")

    assert of_kind("Secret") == []  # kubectl takes .yaml, .yml and .json of a folder
    assert {value for each in examples for value in each["stringData"].values()} == {""}
    assert not any(re.search(r"postgres(ql)?://\w+:\w", file.read_text()) for file in KUBERNETES.iterdir())


def mounts(name: str) -> dict[str, str]:
    """The Secrets that a pod sees as files: where, and which."""
    volumes = {each["name"]: each["secret"] for each in pods()[name]["spec"].get("volumes", ()) if "secret" in each}
    seen = [each for each in containers()[name].get("volumeMounts", ()) if each["name"] in volumes]
    assert all(each["readOnly"] for each in seen)
    return {each["mountPath"]: volumes[each["name"]]["secretName"] for each in seen}


def test_only_the_migration_knows_the_owners_role() -> None:
    by_pod = {name: set(mounts(name).values()) for name in pods()}

    assert by_pod == {
        "ingress": {"muster"}, "console": {"muster", "muster-directory"}, "workers": {"muster", "muster-directory"},
        "muster-migrate": {"muster", "muster-owner"}, "backup": {"muster-backup"}, "valkey": {"valkey"}
    }  # fmt: skip
    assert {each["metadata"]["name"] for each in kubernetes("*.yaml.example")} == set.union(*by_pod.values())


def test_no_secret_is_in_an_environment() -> None:
    for container in containers().values():
        assert not any("secretRef" in source for source in container.get("envFrom", ()))
        assert not any("valueFrom" in each for each in container.get("env", ()))


@pytest.mark.parametrize("name", OURS)
def test_the_settings_name_the_files_that_the_secrets_are(name: str) -> None:
    [settings] = of_kind("ConfigMap")
    keys = {each["metadata"]["name"]: each["stringData"] for each in kubernetes("*.yaml.example")}
    files = {f"{path}/{key}": key for path, secret in mounts(name).items() for key in keys[secret]}
    told = settings["data"] | environment(containers()[name])

    assert {path: each.removesuffix("_FILE") for each, path in told.items() if each.endswith("_FILE")} == files


@pytest.mark.parametrize("name", pods())
def test_a_secret_is_readable_by_its_pod_alone(name: str) -> None:
    spec = pods()[name]["spec"]

    assert spec["securityContext"]["fsGroup"] == spec["securityContext"]["runAsGroup"]
    for volume in spec["volumes"]:
        assert "secret" not in volume or volume["secret"]["defaultMode"] == 0o440


# --- pods ---


def test_every_image_is_pinned_and_ours_is_this_version() -> None:
    assert [each["image"] for each in containers().values() if not pinned(each["image"])] == []
    assert {containers()[name]["image"] for name in OURS} == {f"muster:{VERSION}"}


@pytest.mark.parametrize("name", pods())
def test_a_pod_has_no_right_that_it_does_not_need(name: str) -> None:
    spec, container = pods()[name]["spec"], containers()[name]
    [account] = named("ServiceAccount").values()

    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}
    }  # fmt: skip
    assert spec["automountServiceAccountToken"] is account["automountServiceAccountToken"] is False
    assert spec["serviceAccountName"] == account["metadata"]["name"]
    assert {"hostNetwork", "hostPID", "hostIPC"} & spec.keys() == set()
    assert len(spec["containers"]) == 1


@pytest.mark.parametrize("name", pods())
def test_a_pod_says_what_it_needs_and_has_an_end(name: str) -> None:
    resources = containers()[name]["resources"]

    assert {"cpu", "memory"} == resources["requests"].keys()
    assert {"memory"} == resources["limits"].keys()
    for volume in pods()[name]["spec"].get("volumes", ()):
        if name == "backup" and "persistentVolumeClaim" in volume:
            assert volume["persistentVolumeClaim"]["claimName"] in named("PersistentVolumeClaim")
            continue
        room = "256Mi" if name == "console" else "64Mi"  # two uploaded files
        assert "secret" in volume or volume["emptyDir"] == {"medium": "Memory", "sizeLimit": room}


@pytest.mark.parametrize("name", SERVING)
def test_a_pod_is_asked_on_its_internal_port(name: str) -> None:
    container, pod = containers()[name], pods()[name]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    paths = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}

    assert str(ports["internal"]) == environment(container)["MUSTER_INTERNAL_PORT"]
    assert pod["metadata"]["annotations"]["prometheus.io/port"] == str(ports["internal"])
    assert {get["port"] for get in paths.values()} == {"internal"}
    assert {kind: get["path"] for kind, get in paths.items()} == {
        "startup": "/ready", "liveness": "/live", "readiness": "/ready"
    }  # fmt: skip


@pytest.mark.parametrize("name", SERVING)
def test_a_pod_has_the_time_to_end_what_it_began(name: str) -> None:
    delay = int(environment(containers()[name]).get("MUSTER_STOP_DELAY", 0))
    reached = name in named("Service")

    assert reached == (delay > 0)
    assert pods()[name]["spec"]["terminationGracePeriodSeconds"] >= delay + 2 * KILL_AFTER


def test_the_backup_runs_the_script_that_is_tested() -> None:
    script = (ROOT / "ops/postgres/backup.sh").read_text()
    container = containers()["backup"]

    assert container["command"][:2] == ["sh", "-c"]
    assert container["command"][2] == script[script.index("set -eu") :]
    assert container["image"] == services()["backup"]["image"]
    assert set(re.findall(r"\$([A-Z_]+)", script)) <= environment(container).keys()
    assert environment(container)["BACKUPS"] in {each["mountPath"] for each in container["volumeMounts"]}
    assert environment(container)["PGSERVICEFILE"] in {
        f"{path}/{key}"
        for path, secret in mounts("backup").items()
        for each in kubernetes("*.yaml.example") if each["metadata"]["name"] == secret
        for key in each["stringData"]
    }  # fmt: skip


# --- who means whom ---


def test_selectors_match_the_pods_that_they_are_for() -> None:
    for name, each in named("Deployment").items():
        assert chosen(each["spec"]["selector"]) == {name}
        for spread in each["spec"]["template"]["spec"].get("topologySpreadConstraints", ()):
            assert chosen(spread["labelSelector"]) == {name}
    for name, each in named("PodDisruptionBudget").items():
        assert chosen(each["spec"]["selector"]) == {name}
    for name, each in named("Service").items():
        assert chosen({"matchLabels": each["spec"]["selector"]}) == {name}
    assert named("PodDisruptionBudget").keys() == set(SERVING)


def test_services_and_the_ingress_lead_to_ports_that_are_there() -> None:
    services = named("Service")
    for name, each in services.items():
        ports = {port["name"] for port in containers()[name]["ports"]}
        assert {port["targetPort"] for port in each["spec"]["ports"]} <= ports
    backends = [
        path["backend"]["service"]
        for each in of_kind("Ingress") for rule in each["spec"]["rules"] for path in rule["http"]["paths"]
    ]  # fmt: skip
    assert [backend["name"] for backend in backends] == ["ingress", "console"]
    for backend in backends:
        assert backend["port"]["name"] in {port["name"] for port in services[backend["name"]]["spec"]["ports"]}


def test_the_names_are_the_ones_that_muster_tells() -> None:
    [settings] = of_kind("ConfigMap")
    hosts = {each["metadata"]["name"]: each["spec"]["rules"][0]["host"] for each in of_kind("Ingress")}

    assert settings["data"]["MUSTER_PUBLIC_URL"] == f"https://{hosts['scim']}"
    assert settings["data"]["MUSTER_CONSOLE_URL"] == f"https://{hosts['console']}"
    assert all(each["spec"]["tls"][0]["hosts"] == [each["spec"]["rules"][0]["host"]] for each in of_kind("Ingress"))


def test_what_is_scaled_is_there_and_has_no_number_of_its_own() -> None:
    for each in of_kind("HorizontalPodAutoscaler", "ScaledObject"):
        target = named("Deployment")[each["spec"]["scaleTargetRef"]["name"]]
        assert "replicas" not in target["spec"]
    [scaler] = of_kind("HorizontalPodAutoscaler")
    assert scaler["spec"]["minReplicas"] >= 2
    assert containers()["ingress"]["resources"]["requests"]["cpu"]  # what its percentage is of


def test_workers_are_scaled_by_a_metric_that_exists() -> None:
    [scaled] = of_kind("ScaledObject")
    spec = scaled["spec"]
    [trigger] = spec["triggers"]
    [metric] = re.findall(r"muster_\w+", trigger["metadata"]["query"])

    assert scaled["apiVersion"] == "keda.sh/v1alpha1"
    assert trigger["type"] == "prometheus"
    assert trigger["metadata"].keys() == {"serverAddress", "query", "threshold", "ignoreNullValues"}
    assert all(isinstance(value, str) for value in trigger["metadata"].values())
    assert metric == "muster_journal_oldest_seconds"
    assert metric in declared()
    assert trigger["metadata"]["query"].startswith("max(")
    assert 1 <= spec["minReplicaCount"] <= spec["fallback"]["replicas"] <= spec["maxReplicaCount"]


# --- the network ---


def test_nobody_reaches_anybody_without_a_policy() -> None:
    nothing = named("NetworkPolicy")["nothing"]["spec"]

    assert nothing == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_who_may_reach_whom() -> None:
    policies = {name: each["spec"] for name, each in named("NetworkPolicy").items() if name != "nothing"}
    meant = {name: chosen(each["podSelector"]) for name, each in policies.items()}

    assert meant == {
        "from-the-ingress-controller": {"ingress", "console"},
        "from-prometheus": set(SERVING),
        "to-the-servers": {*OURS, "backup"},
        "to-microsoft": {"console", "workers"},
        "to-valkey": {"valkey"},
    }
    assert chosen(policies["to-valkey"]["ingress"][0]["from"][0]["podSelector"]) == set(SERVING)


def test_who_reaches_microsoft_reaches_nothing_private_and_one_port() -> None:
    [rule] = named("NetworkPolicy")["to-microsoft"]["spec"]["egress"]
    left_out = {one for block in rule["to"] for one in block["ipBlock"]["except"]}

    assert rule["ports"] == [{"port": 443}]
    assert {"10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"} <= left_out


def test_what_a_policy_opens_is_a_port_of_its_pods() -> None:
    for each in of_kind("NetworkPolicy"):
        for rule in each["spec"].get("ingress", ()):
            pods_meant = chosen(each["spec"]["podSelector"])
            there = {port["containerPort"] for name in pods_meant for port in containers()[name]["ports"]}
            assert {port["port"] for port in rule["ports"]} <= there
