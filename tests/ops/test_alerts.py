"""Alerts, their rules, their unit tests and their runbooks: that they hold together, and say what is true."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
import yaml  # type: ignore[import-untyped, unused-ignore]
from psycopg import errors

from models import database
from models.database import Connection
from ops import metrics
from ops.cli import main
from ops.settings import PREFIX, Settings
from tests.ops.test_metrics import declared

ROOT = Path(__file__).parents[2]
FOLDER, RUNBOOKS = ROOT / "ops" / "prometheus", ROOT / "ops" / "runbooks"
UNIT_TESTS = sorted((FOLDER / "tests").glob("*.yml"))
PAGES = sorted(page for page in RUNBOOKS.glob("*.md") if page.stem != "README")
SEVERITIES = {"page", "warning", "ticket"}
PROMETHEUS_OWN = {"up"}
SCRAPED = {"job", "instance", "le"}  # labels that Prometheus adds, and a histogram's
WORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "offset", "bool", "group_left", "group_right"}

pytestmark = pytest.mark.timeout(180)
promtool = pytest.mark.needs("promtool")


class Alert(NamedTuple):
    """A rule that may fire. Several have one name, and tell themselves apart by their labels."""

    name: str
    labels: dict[str, str]
    rule: dict[str, Any]


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def rules(name: str) -> list[dict[str, Any]]:
    return [rule for group in loaded(FOLDER / name)["groups"] for rule in group["rules"]]


ALERTS = [Alert(rule["alert"], rule["labels"], rule) for rule in rules("alerts.yml")]
NAMES = sorted({alert.name for alert in ALERTS})
RULES = rules("rules.yml") + rules("alerts.yml")
CASES = [case for path in UNIT_TESTS for test in loaded(path)["tests"] for case in test["alert_rule_test"]]


def identity(alert: Alert) -> str:
    return f"{alert.name}-{alert.labels.get('window', alert.labels['severity'])}"


each_alert = pytest.mark.parametrize("alert", ALERTS, ids=identity)
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


@promtool
def test_prometheus_takes_the_configuration_and_the_rules() -> None:
    command = ["promtool", "check", "config", "--lint-fatal", str(FOLDER / "prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def unit_tests() -> Iterator[dict[Path, "Future[subprocess.CompletedProcess[str]]"]]:
    """All files of unit tests as promtool judges them: it has one thread, and a test of days takes it seconds."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {path: pool.submit(judged, path) for path in UNIT_TESTS}


def judged(path: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["promtool", "test", "rules", str(path)], capture_output=True, text=True)


@promtool
@pytest.mark.parametrize("path", UNIT_TESTS, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_not_else(
    path: Path, unit_tests: dict[Path, "Future[subprocess.CompletedProcess[str]]"]
) -> None:
    done = unit_tests[path].result()

    assert done.returncode == 0, done.stdout + done.stderr


@each_alert
def test_an_alert_says_what_is_wrong_how_bad_it_is_and_what_to_do(alert: Alert) -> None:
    notes = alert.rule["annotations"]

    assert alert.labels["severity"] in SEVERITIES
    assert notes.keys() == {"summary", "description", "runbook"}
    assert notes["runbook"] == f"ops/runbooks/{alert.name}.md"
    assert (ROOT / notes["runbook"]).exists()


@each_alert
def test_an_alert_is_seen_firing_and_not_firing_by_a_unit_test(alert: Alert) -> None:
    own = [case["exp_alerts"] for case in CASES if case["alertname"] == alert.name]
    fired = [one for expected in own for one in expected if alert.labels.items() <= one["exp_labels"].items()]

    assert fired
    assert [] in own


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    index = (RUNBOOKS / "README.md").read_text()

    assert [page.stem for page in PAGES] == NAMES
    assert sorted(re.findall(r"^- \[(\w+)\]\(\1\.md\): ", index, re.MULTILINE)) == NAMES


def test_every_alert_is_in_the_documentation_with_its_severities_and_where_it_was_seen() -> None:
    rows = re.findall(r"^\| \[(\w+)\]\(\.\./ops/runbooks/\1\.md\) \| ([\w, ]+) \|.*\| ([\w ]+) \|$", DOCUMENTED, re.M)
    journey = (ROOT / "tests" / "journeys" / "test_alerts.py").read_text()
    seen = set(re.findall(r'"(Muster[A-Z]\w+)"', journey)) & set(NAMES)

    assert {name: set(severities.split(", ")) for name, severities, _ in rows} == {
        name: {alert.labels["severity"] for alert in ALERTS if alert.name == name} for name in NAMES
    }
    assert {name for name, _, where in rows if where == "fault run"} == seen
    assert {where for _, _, where in rows} == {"fault run", "by hand"}


DOCUMENTED = (ROOT / "docs" / "alerts.md").read_text()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.get("record") or rule.get("alert")))
def test_no_expression_names_a_metric_a_label_or_a_bound_that_is_not_there(rule: dict[str, Any]) -> None:
    known, recorded = exposed(), {each["record"] for each in RULES if "record" in each}

    for expression in [rule["expr"], *re.findall(r'query "(.*?)"', str(rule.get("annotations")))]:
        assert set(named(expression)) - known.keys() - recorded - PROMETHEUS_OWN == set()
        for name, matchers in re.findall(r"([a-z_]+)\{(.*?)\}", expression):
            labels = dict(re.findall(r'(\w+)(?:=~|!=|=)"([^"]*)"', matchers))
            assert labels.keys() <= set(known.get(name, ())) | SCRAPED
            assert labels.get("le", "") in {"", *bounds(name)}


def named(expression: str) -> Iterator[str]:
    """The series that an expression names."""
    bare = re.sub(r"\{.*?\}|\[.*?\]|\"[^\"]*\"|\b(?:by|on|without|ignoring) \(.*?\)", "", expression)
    for name, call in re.findall(r"\b([a-zA-Z_:][\w:]*)\b(\s*\()?", bare):
        if not call and name not in WORDS:
            yield name


def exposed() -> dict[str, tuple[str, ...]]:
    """Every series that the processes show, with its labels as they are documented."""
    page = (ROOT / "docs" / "metrics.md").read_text()
    labels = {
        name: tuple(re.findall(r"\w+", told)) for name, told in re.findall(r"^\| `(\w+)` \|([\w, ]*)\|", page, re.M)
    }
    assert labels.keys() == declared().keys()
    parts = ("_bucket", "_count", "_sum")
    return labels | {f"{name}{part}": labels[name] for name in histograms() for part in parts}


def histograms() -> dict[str, Any]:
    ours = [each for each in vars(metrics).values() if hasattr(each, "_labelnames")]
    return {each._name: each for each in ours if each._type == "histogram"}


def bounds(name: str) -> set[str]:
    """What `le` may be of a histogram's series."""
    histogram = histograms().get(name.removesuffix("_bucket"))
    return {str(float(bound)) for bound in histogram._upper_bounds} if histogram else set()


@each_page
def test_a_runbook_has_its_four_parts_and_is_short(page: Path) -> None:
    text = page.read_text()

    assert re.findall(r"^#+ .*", text, re.M) == [f"# {page.stem}", "## Look first", "## Do", "## Do not"]
    assert len(text.splitlines()) <= 60


@each_page
def test_the_commands_of_a_runbook_exist(page: Path) -> None:
    for line in re.findall(r"`muster ([^`]+)`", page.read_text()):
        command: click.Command = main
        rest = shlex.split(line)
        with click.Context(main) as context:
            while isinstance(command, click.Group):
                found = command.get_command(context, rest.pop(0))
                assert found, line
                command = found
            options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= options, line


@each_page
def test_the_sql_of_a_runbook_runs_for_the_serving_role(page: Path, connection: Connection) -> None:
    for statement in re.findall(r"```sql\n(.*?)```", page.read_text(), re.S):
        connection.execute(statement.encode())


def test_the_example_of_the_dashboards_has_the_jobs_that_the_alerts_go_by() -> None:
    page = (ROOT / "docs" / "dashboards.md").read_text()
    [example] = [block for block in re.findall(r"```yaml\n(.*?)```", page, re.S) if block.startswith("scrape_configs:")]
    jobs, ours = (
        {job["job_name"] for job in each["scrape_configs"]}
        for each in (yaml.safe_load(example), loaded(FOLDER / "prometheus.yml"))
    )

    assert jobs == ours - {"prometheus"}


@pytest.mark.parametrize("name", ["MusterJournalLate", "MusterTransactionOpen"])
def test_where_a_list_may_be_blocked_the_backlog_is_asked_first(name: str) -> None:
    lines = (RUNBOOKS / f"{name}.md").read_text().splitlines()

    assert "`muster backlog`" in lines[lines.index("## Look first") + 2]


def test_the_alert_of_a_late_journal_says_which_command_names_the_list() -> None:
    [late] = [alert.rule["annotations"] for alert in ALERTS if alert.name == "MusterJournalLate"]

    assert "`muster backlog`" in late["description"]


def test_the_page_about_open_transactions_shows_those_that_have_just_begun(
    owner_url: str, connection: Connection
) -> None:
    [who, *_] = re.findall(r"```sql\n(.*?)```", (RUNBOOKS / "MusterTransactionOpen.md").read_text(), re.S)
    with database.connect(owner_url, "nightly-report") as report, report.transaction():
        report.execute("select from person for update")
        pid = report.info.backend_pid
        found = [row[0] for row in connection.execute(who.encode()).fetchall()]

    assert pid in found


def test_an_open_transaction_is_ended_by_the_role_that_the_page_names(owner_url: str, connection: Connection) -> None:
    page = (RUNBOOKS / "MusterTransactionOpen.md").read_text()
    with database.connect(owner_url, "nightly-report") as report:
        end = f"select pg_terminate_backend({report.info.backend_pid})".encode()
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute(end)
        with database.connect(owner_url) as owner:
            ended = owner.execute(end).fetchone()

    assert ended == (True,)
    assert 'psql "$MUSTER_OWNER_URL" -c "select pg_terminate_backend(PID)"' in page


@each_page
def test_the_names_that_a_runbook_has_are_in_the_sources(page: Path) -> None:
    text = page.read_text()
    words = set(re.findall(r"`(\w+_\w+)`", re.sub(r"```.*?```", "", text, flags=re.S)))
    settings = {word for word in re.findall(rf"\b{PREFIX}\w+", text)}
    sources = "\n".join(path.read_text() for top in ("ingress", "workers", "models", "ops") for path in files(top))

    assert settings <= {PREFIX + name.upper() for name in Settings.__struct_fields__}
    assert [word for word in words - settings - POSTGRES_OWN if word not in sources] == []
    assert set(re.findall(r"\bMuster[A-Z]\w+", text)) <= set(NAMES)


POSTGRES_OWN = {
    "pg_wal",
    "pg_signal_backend",
    "pg_monitor",
    "deadlock_timeout",
    "autovacuum_max_workers",
    "log_entry_…",
}


def files(top: str) -> Iterator[Path]:
    yield from (ROOT / top).rglob("*.py")
