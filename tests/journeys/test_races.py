"""Things that happen at the same moment, in two ingress processes, again and again."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from threading import Barrier

import httpx
import pytest

from models import database, master_list, person, token
from models.errors import Taken
from tests.factories import replace, user
from tests.journeys.doors import Door, ingress
from tests.journeys.idp import Idp
from tests.journeys.system import Muster

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def doors(muster: Muster) -> Iterator[list[Door]]:
    """Two ingress processes of one worker each, so that a test knows which one it speaks to."""
    with ExitStack() as stack:
        yield [stack.enter_context(ingress(muster)) for _ in range(2)]


def at_once(*acts: Callable[[], object]) -> None:
    """Run these in threads that start together; the first failure is raised."""
    barrier = Barrier(len(acts))

    def run(act: Callable[[], object]) -> None:
        barrier.wait(30)
        act()

    with ThreadPoolExecutor(len(acts)) as pool:
        for future in [pool.submit(run, act) for act in acts]:
            future.result()


def test_of_200_posts_of_one_user_name_at_once_one_creates_it(muster: Muster, doors: list[Door]) -> None:
    target = muster.new_list()
    answers: list[httpx.Response] = []

    def post(door: Door) -> None:
        with door.idp(target) as idp:
            assert idp.total() in (0, 1)  # connected before the start
            barrier.wait(30)
            answers.append(idp.post(user("Ada@north.example")))

    barrier = Barrier(200)
    with ThreadPoolExecutor(200) as pool:
        for future in [pool.submit(post, doors[n % 2]) for n in range(200)]:
            future.result()
    muster.settled(target.list_id)

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 199}
    assert {answer.json().get("scimType") for answer in answers if answer.status_code == 409} == {"uniqueness"}
    assert len(muster.people(target.list_id)) == 1
    assert muster.story(target.list_id) == ["create applied"]


def test_of_two_claims_on_one_uid_at_once_one_is_refused(muster: Muster, doors: list[Door]) -> None:
    rounds = 100
    target = muster.new_list("employeeNumber")
    seen: Counter[tuple[int, ...]] = Counter()
    with doors[0].idp(target) as left, doors[1].idp(target) as right:
        for n in range(rounds):
            answers: list[int] = []

            def claim(idp: Idp, name: str, number: str = f"E-{n}", answers: list[int] = answers) -> None:
                answers.append(idp.post(user(name, employee_number=number)).status_code)

            at_once(partial(claim, left, f"left{n}"), partial(claim, right, f"right{n}"))
            seen[tuple(sorted(answers))] += 1
    muster.settled(target.list_id)

    assert seen == {(201, 409): rounds}
    assert len(muster.people(target.list_id)) == rounds
    assert muster.story(target.list_id) == ["create applied"] * rounds


def test_two_updates_in_flight_at_once_end_at_the_last_accepted(muster: Muster, doors: list[Door]) -> None:
    rounds = 500
    target = muster.new_list()
    with doors[0].idp(target) as left, doors[1].idp(target) as right:
        ada = left.create(user("ada@north.example"))
        versions: dict[int, str] = {}

        def update(idp: Idp, side: str) -> None:
            for n in range(rounds):
                together.wait(30)
                answer = idp.patch(ada, replace("title", f"{side}{n}"))
                assert answer.status_code == 200, answer.text
                versions[int(answer.json()["meta"]["version"].strip('W/"'))] = f"{side}{n}"

        together = Barrier(2)
        at_once(lambda: update(left, "left"), lambda: update(right, "right"))
        stored = left.get(ada).json()
    muster.settled(target.list_id)

    assert sorted(versions) == list(range(2, 2 * rounds + 2))
    in_order = [versions[version] for version in sorted(versions)]
    assert stored["title"] == in_order[-1]
    assert muster.person(target.list_id, "ada@north.example")["fields"]["Job Title"] == in_order[-1]
    changes = [entry["changes"] for entry in muster.log(target.list_id)[1:]]
    before = [None, *in_order[:-1]]
    assert changes == [
        [{"field": "Job Title", "before": old, "after": new}] for old, new in zip(before, in_order, strict=True)
    ]


def test_local_edits_and_the_idps_updates_of_the_same_people_lose_nothing(muster: Muster, doors: list[Door]) -> None:
    people, fields = 5, 200  # each edit fills a field of its own, so that each loss is seen
    target = muster.new_list()
    labels = [f"Local {n}" for n in range(fields)]
    keys = muster.in_transaction(
        lambda cursor: master_list.ensure_fields(cursor, target.list_id, [(label, "text") for label in labels]),
        target.list_id,
    )
    with doors[0].idp(target) as idp:
        ids = [idp.create(user(f"p{n:02}@north.example")) for n in range(people)]
        muster.settled(target.list_id)
        stored = [each["id"] for each in muster.people(target.list_id)]

        def provision() -> None:
            for n in range(people * fields):
                idp.set(ids[n % people], "title", f"Title {n}")

        def edit() -> None:
            with muster.connect() as connection:
                for n in range(people * fields):
                    label = labels[n // people]
                    edit_until_taken(
                        connection, target.list_id, stored[n % people], {keys[label]: f"{label}, edit {n}"}
                    )

        at_once(provision, edit)
    muster.settled(target.list_id)

    for n, each in enumerate(muster.people(target.list_id)):
        assert {label: each["fields"].get(label) for label in labels} == {
            label: f"{label}, edit {m * people + n}" for m, label in enumerate(labels)
        }
        assert each["fields"]["Job Title"] == f"Title {people * fields - people + n}"
        assert each["fields"]["First Name"] == f"P{n:02}"
    assert muster.story(target.list_id)[people:] == ["update applied"] * people * fields


def edit_until_taken(connection: database.Connection, list_id: str, person_id: str, values: dict[str, str]) -> None:
    """As an operator does: look at the present version, edit it, look again if it has moved."""
    while True:
        with database.transaction(connection, (list_id,)) as cursor:
            [(version,)] = cursor.execute(
                "select version from person where list_id = %s and id = %s", (list_id, person_id)
            ).fetchall()
        try:
            with database.transaction(connection, (list_id,)) as cursor:
                person.edit(cursor, list_id, person_id, version, values)
            return
        except Taken:
            continue


# What a token may ask for, in turn: reads, writes and refusals that need no row alike.
REQUESTS = (
    ("GET", "/Users?count=0"),
    ("GET", "/Users/{id}"),
    ("PUT", "/Users/{id}"),
    ("GET", "/Users/none"),
    ("GET", "/Users?filter=shoe%20eq%201"),
    ("DELETE", "/Users/none"),
    ("POST", "/Users"),
    ("GET", "/Schemas"),
    ("PATCH", "/Users"),
    ("GET", "/Nonsense"),
)


def test_a_revoked_token_is_refused_on_the_next_request_of_an_open_connection(
    muster: Muster, doors: list[Door]
) -> None:
    rounds, operators = 1_000, 4
    target = muster.new_list()
    with doors[0].idp(target) as idp:
        ada = idp.create(user("ada@north.example"))
    issued = muster.in_transaction(
        lambda cursor: [token.issue(cursor, target.list_id, "", None, "operator") for _ in range(rounds)],
        target.list_id,
    )
    let_in: list[str] = []
    slipped_in: list[tuple[str, str]] = []

    def revoke(first: int) -> None:
        with muster.connect() as operator, ExitStack() as stack:
            idps = [stack.enter_context(door.idp(target)) for door in doors]
            for n, one in enumerate(issued[first::operators]):
                method, path = REQUESTS[n % len(REQUESTS)]
                for idp in idps:
                    idp.http.headers["Authorization"] = f"Bearer {one.token}"
                body = {"PUT": user("ada@north.example"), "POST": {}, "PATCH": {}}.get(method)
                ask = partial(Idp.request, method=method, path=path.format(id=ada), body=body)
                let_in.extend(idp.base_url for idp in idps if ask(idp).status_code != 401)
                with database.transaction(operator, (target.list_id,)) as cursor:
                    token.revoke(cursor, one.prefix)
                slipped_in.extend((method, path) for idp in idps if ask(idp).status_code != 401)

    at_once(*(partial(revoke, first) for first in range(operators)))

    assert Counter(let_in) == {f"{door.root}/{target.list_id}": rounds for door in doors}
    assert Counter(slipped_in) == {}
