"""The Sync tab of a list that is pulled: previews, runs as they go and as they were, what is held, who is where."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from ingress.console import directory_words
from models import database
from models.database import Connection
from models.directory import runs
from models.directory.runs import APPLY, FETCH, Progress, Run
from models.directory.schedule import DAY, Schedule
from models.directory.syncs import Group, Scope
from tests.ingress.console.pulling import HX, School
from tests.workers.conftest import Roster

NOW = datetime.now(UTC)


def names(school: School, *given: str) -> list[str]:
    return [
        school.directory.add_user(givenName=one, displayName=one, userPrincipalName=f"{one}@n.example".lower())
        for one in given
    ]


def test_a_preview_tells_what_a_run_would_do_and_writes_nothing(school: School) -> None:
    names(school, "Mila", "Ravi")
    school.connect()

    run_id = school.run("preview")

    page = school.page(school.sync)
    assert "What a run would do" in page
    assert "<strong>2</strong> are created" in page
    assert "Mila, Ravi" in page
    assert 'id="apply-now"' in page
    assert "Never run" in page
    assert school.people() == {}
    assert "What a run would do" in school.page(f"{school.sync}/runs/{run_id}")
    assert ("sync.preview", "") in school.acts()

    school.run()

    assert school.people() == {"mila@n.example": True, "ravi@n.example": True}
    page = school.page(school.sync)
    assert "Up to date" in page
    assert "What a run would do" not in page


def test_a_run_is_seen_at_work_and_its_end_draws_the_page_anew(school: School) -> None:
    names(school, "Mila")
    school.connect()
    run_id = school.start()
    url = f"{school.sync}/runs/{run_id}/progress"

    page = school.page(school.sync)

    assert "</i>Running</span>" in page
    assert "Reading the directory" in page
    assert 'id="run-stop"' in page
    assert 'id="sync-start"' not in page
    assert f'hx-get="{url}"' in page
    assert "Reading the directory" in school.browser.get(url, **HX).text
    assert "At work" in school.page(f"{school.sync}/runs/{run_id}")
    refused = school.send(f"{school.sync}/directory/start", {"act": "start"})
    assert (refused.status_code, "at work already" in refused.text) == (409, True)

    school.work(run_id)

    assert school.browser.get(url, **HX).headers["hx-refresh"] == "true"
    assert school.browser.get(url).headers["location"] == school.sync
    assert school.browser.get(f"{url}?where=run").headers["location"] == f"{school.sync}/runs/{run_id}"


def test_a_run_is_stopped(school: School) -> None:
    school.connect()
    school.start()

    assert school.send(f"{school.sync}/directory/stop", {}).headers["location"] == school.sync
    assert school.send(f"{school.sync}/directory/stop", {}).headers["location"] == school.sync  # again

    assert "</i>Stopped</span>" in school.page(school.sync)
    assert [one for one in school.acts() if one[0] == "sync.stop"] == [("sync.stop", "")]


def test_what_microsoft_wants_to_be_waited_for_is_told(school: School, connection: Connection) -> None:
    school.connect()
    run_id = school.start()
    connection.execute("update job set not_before = now() + interval '40 seconds' where id = %s", (run_id,))

    page = school.page(school.sync)

    assert "</i>Waiting for Microsoft</span>" in page
    assert "Microsoft asks us to wait" in page


def test_a_failure_is_told_with_what_to_do(school: School) -> None:
    school.connect()
    school.directory.permissions.clear()

    run_id = school.run()

    for path in (school.sync, f"{school.sync}/runs", f"{school.sync}/runs/{run_id}", "/help/troubleshooting"):
        assert "the application lacks a permission" in school.page(path).lower(), path
    assert "</i>Failed</span>" in school.page(school.sync)
    assert "failed</span>" in school.page("/lists")


def test_a_run_tells_everything_of_itself(school: School) -> None:
    mila, ravi = names(school, "Mila", "Ravi")
    inner = school.directory.add_group("Inner", [ravi])
    teachers = school.directory.add_group("Teachers", [mila, inner])
    school.connect(teachers)
    first = school.run()
    school.directory.change_user(mila, jobTitle="Registrar")
    second = school.run()

    page = school.page(f"{school.sync}/runs/{first}")
    assert "Everybody was read: it was the first time" in page
    assert "<strong>1</strong> is created" in page
    assert "holds other groups, whose members are not followed" in page
    assert "1 person is new in Staff." in page
    assert f"q=sync-{first}" in page
    page = school.page(f"{school.sync}/runs/{second}")
    assert "Only what changed since the last run or preview" in page
    assert "<strong>1</strong> is updated" in page
    entries = school.page(f"{school.sync}?q=sync-{second}&period=all")
    assert "Registrar" in entries
    assert len(re.findall(r'<tr id="e-', entries)) == 1
    assert "Nobody waits for anything." in school.page("/help/troubleshooting")


def test_who_could_not_be_applied_is_named(school: School, connection: Connection) -> None:
    names(school, "Mila")
    school.directory.add_user(userPrincipalName="nul@n.example", displayName="bad\x00name")
    school.connect()
    run_id = school.run()

    page = school.page(f"{school.sync}/runs/{run_id}")

    assert "1 user could not be applied" in page
    assert "holds a character that cannot be stored" in page
    assert "Partly done" in page
    connection.execute("update operator set role = 'viewer'")
    assert "cannot be stored" not in school.page(f"{school.sync}/runs/{run_id}")


def test_an_entry_of_a_run_says_who_read_it_and_what_happens_next(school: School, connection: Connection) -> None:
    names(school, "Mila")
    school.connect(uid="employeeNumber")
    run_id = school.run()
    ids = {row[0]: row[1] for row in connection.execute("select result, id from log_entry").fetchall()}

    page = school.page(f"{school.sync}/log/{ids['waiting']}")

    assert "Fill the attribute in Entra ID." in page
    assert "Stored by a run" in page
    assert f'href="{school.sync}/runs/{run_id}">Open the run' in page
    assert "40 minutes" not in page


def test_an_emptied_group_is_held_and_released(school: School) -> None:
    everybody = names(school, "Mila", "Ravi", "Noor")
    teachers = school.directory.add_group("Teachers", everybody)
    school.connect(teachers)
    school.run()
    school.directory.remove_members(teachers, everybody)

    school.run("preview")
    assert "The guard would hold all of these deactivations" in school.page(school.sync)
    run_id = school.run()

    page = school.page(school.sync)
    assert "3 deactivations are held" in page
    assert "</i>Deactivations held</span>" in page
    assert "The guard held all of these deactivations" in school.page(f"{school.sync}/runs/{run_id}")
    assert all(school.people().values())
    assert "3 deactivations are held." in school.page("/help/troubleshooting")
    dialog = school.browser.get(f"{school.sync}/held/release?all=1").text
    form = dict(re.findall(r'<input type="hidden" name="(all|up_to|count)" value="(\d+)">', dialog))
    assert school.send(f"{school.sync}/held/release", form).status_code == 303
    Roster(school.connection, school.list_id).drain()
    assert not any(school.people().values())
    assert "</i>Up to date</span>" in school.page(school.sync)


def test_runs_are_listed_page_by_page(school: School, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    school.connect()
    made = []
    for _ in range(5):
        made.append(school.start())
        connection.execute("update job set finished_at = now()")
    monkeypatch.setattr(runs, "PAGE", 2)
    url, seen = f"{school.sync}/runs", []
    while url:
        page = school.page(url)
        seen += re.findall(r'<tr id="run-([\w-]+)"', page)
        older = re.search(r'href="([^"]+)">Older', page)
        url = older[1] if older else ""

    assert seen == made[::-1]
    for odd in ("x", "2026-01-01", "9999-12-31T23:59:59"):
        assert school.browser.get(f"{school.sync}/runs?before={odd}").status_code == 200
    assert school.browser.get(f"{school.sync}/runs/{made[0][:-1]}f").status_code in (200, 404)


def test_a_plan_that_is_lost_starts_nothing(school: School, connection: Connection) -> None:
    school.connect()
    connection.execute("update organisation set plan = 'free'")

    page = school.page(school.sync)

    assert "Your plan does not include Directory Sync any more." in page
    assert "</i>Plan lost</span>" in page
    assert 'id="sync-start"' not in page
    answer = school.send(f"{school.sync}/directory/start", {"act": "start"})
    assert (answer.status_code, "needs the Pro, Business or Enterprise plan" in answer.text) == (403, True)


def test_viewers_see_the_state_and_no_names_of_a_preview(school: School, connection: Connection) -> None:
    names(school, "Mila")
    school.connect()
    run_id = school.run("preview")
    connection.execute("update operator set role = 'viewer'")

    page = school.page(school.sync)

    assert "<strong>1</strong> is created" in page
    assert "Mila" not in page
    assert not any(one in page for one in ("sync-start", "apply-now", 'id="disconnect"', "/sync/directory"))
    assert "Mila" not in school.page(f"{school.sync}/runs/{run_id}")


def test_a_person_shows_the_groups_they_are_in(school: School, connection: Connection) -> None:
    mila, ravi = names(school, "Mila", "Ravi")
    teachers, office = (
        school.directory.add_group("Teachers", [mila, ravi]),
        school.directory.add_group("Office", [mila]),
    )
    school.connect(teachers, office)
    school.run()
    ids = {row[0]: row[1] for row in connection.execute("select uid, id::text from person").fetchall()}

    page = school.page(f"/lists/{school.list_id}/people/{ids['mila@n.example']}")
    assert "From Entra ID" in page
    assert re.findall(r'<li class="tag soft">(\w+)</li>', page) == ["Office", "Teachers"]
    school.directory.remove_members(teachers, [ravi])
    school.run()
    page = school.page(f"/lists/{school.list_id}/people/{ids['ravi@n.example']}")
    assert "In none of the groups that were chosen for this list." in page


def test_the_editor_names_what_microsoft_has_and_offers_what_was_seen(school: School) -> None:
    school.directory.add_user(userPrincipalName="mila@n.example", officeLocation="B2")
    school.connect()
    school.run()

    page = school.page(f"{school.sync}/mappings")

    assert "<code>surname</code>" in page
    assert "<code>userPrincipalName</code>" in page
    assert "From Microsoft Graph" in page
    assert page.count("Not in Microsoft Graph") == 3
    assert re.search(r'name="on_3" value="1" disabled aria-label="Map Middle name"', page)
    assert ">officeLocation</option>" in page
    assert "Switched on, the next run reads everybody." in page


def test_what_microsoft_does_not_have_cannot_be_switched_on(school: School, connection: Connection) -> None:
    school.connect()
    form = {"version": "1", "on_3": "1", "field_3": ":default", "on_0": "1", "field_0": ":default"}

    assert school.send(f"{school.sync}/mappings", form).status_code == 303

    on = connection.execute("select attribute from field_mapping where enabled").fetchall()
    assert on == [("name.givenName",)]


def test_the_manager_makes_the_next_run_read_everybody_and_that_is_said(school: School) -> None:
    names(school, "Mila")
    school.connect()
    school.run()
    form = {"version": "1", "on_22": "1", "field_22": ":default"}

    preview = school.send(f"{school.sync}/mappings/preview", form, **HX)

    assert "The next run reads everybody," in preview.text
    assert school.send(f"{school.sync}/mappings", form).status_code == 303
    run_id = school.run()
    with database.transaction(school.connection, [school.list_id]) as cursor:
        run = runs.find(cursor, school.list_id, run_id)
    assert run is not None
    assert run.progress.full


def made(state: str = "done", **progress: object) -> Run:
    ended = None if state in ("running", "waiting") else NOW
    return Run("1", state, Progress(by="ops", **progress), NOW - timedelta(seconds=9), ended, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("runs_", "lost", "state"),
    [
        ([], False, "Never run"),
        ([made(preview=True)], False, "Never run"),
        ([made()], False, "Up to date"),
        ([made(preview=True), made()], False, "Up to date"),
        ([made("running")], False, "Running"),
        ([made("running", preview=True)], False, "Previewing"),
        ([made("failed"), made()], False, "Failed"),
        ([made("ended")], False, "Stopped"),
        ([made()], True, "Plan lost"),
    ],
)
def test_states_in_words(runs_: list[Run], lost: bool, state: str) -> None:
    assert directory_words.state(runs_, lost).words == state


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (Schedule(), "Only by hand"),
        (Schedule(15), "Every 15 minutes"),
        (Schedule(60), "Every hour"),
        (Schedule(720), "Every 12 hours"),
        (Schedule(DAY, 5, "Asia/Tokyo"), "Daily at 00:05 (Asia/Tokyo)"),
    ],
)
def test_schedules_in_words(schedule: Schedule, words: str) -> None:
    assert directory_words.schedule(schedule) == words


def test_many_groups_are_counted() -> None:
    groups = tuple(Group(str(number), f"G{number}") for number in range(5))

    assert directory_words.scope(Scope(groups)) == "G0, G1, G2 and 2 more"
    assert directory_words.scope(Scope(None, False)) == "Everybody in the directory; guests are left out"


@pytest.mark.parametrize(("phase", "rests", "waits"), [(FETCH, 30, True), (FETCH, 0, False), (APPLY, 30, False)])
def test_only_microsoft_is_said_to_be_waited_for(phase: str, rests: int, waits: bool) -> None:
    until = NOW + timedelta(seconds=rests)
    run = Run("1", "waiting", Progress(by="ops", phase=phase), NOW, None, until)

    assert directory_words.waits_until(run, NOW) == (until if waits else None)
