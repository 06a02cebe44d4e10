"""Whom an identity is: product rules V2 and V3, by table."""

import pytest

from models.person import Person
from workers.matching import Candidates, Conflict, Found, Holder, Match, New, TakenOver, match


def person(name: str, holder: str | None = None) -> Person:
    return Person("staff", name, name, name, None, holder, True, {})


FREE, LEFT, FOLLOWED = person("free"), person("left", "leaver"), person("followed", "worker")
ORPHAN = person("orphan", "deleted")
MINE = person("mine", "me")


def holder(one: Person) -> Holder:
    return {"worker": Holder.ACTIVE, "leaver": Holder.INACTIVE}.get(one.identity_id or "", Holder.NOBODY)


@pytest.mark.parametrize(
    ("held", "by_anchor", "by_uid", "active", "expected"),
    [
        pytest.param(None, [], None, True, New(), id="nobody yet"),
        pytest.param(MINE, [FREE], LEFT, True, Found(MINE), id="the held person wins over anchor and UID"),
        pytest.param(None, [FREE], LEFT, True, Found(FREE), id="the anchor wins over the UID"),
        pytest.param(None, [], FREE, True, Found(FREE), id="a person added by hand is adopted"),
        pytest.param(None, [], FREE, False, Found(FREE), id="an inactive user may adopt a free person"),
        pytest.param(None, [], LEFT, True, Found(LEFT), id="a rehire takes a leaver's person over"),
        pytest.param(None, [], LEFT, False, TakenOver(LEFT), id="an inactive user takes nobody from another"),
        pytest.param(None, [], ORPHAN, False, Found(ORPHAN), id="an inactive user may take a deleted user's person"),
        pytest.param(None, [], FOLLOWED, True, Conflict(FOLLOWED), id="a UID in use is a conflict"),
        pytest.param(None, [], FOLLOWED, False, TakenOver(FOLLOWED), id="a former holder finds it taken over"),
        pytest.param(None, [FOLLOWED], None, True, New(), id="an anchor in use does not count"),
        pytest.param(None, [FOLLOWED], FREE, True, Found(FREE), id="an anchor in use leaves it to the UID"),
        pytest.param(None, [FOLLOWED], None, False, TakenOver(FOLLOWED), id="an inactive user's anchor in use"),
        pytest.param(None, [FREE, LEFT], None, True, New(), id="an ambiguous anchor does not count"),
        pytest.param(None, [FREE, LEFT], LEFT, True, Found(LEFT), id="the UID decides between two anchors"),
    ],
)
def test_matching(
    held: Person | None, by_anchor: list[Person], by_uid: Person | None, active: bool, expected: Match
) -> None:
    assert match(Candidates(held, by_anchor, by_uid), active, holder) == expected
