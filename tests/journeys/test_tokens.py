"""Tokens at the door: a revoked one, another list's, and what their list's log says (T2, T4, L2)."""

import pytest

from models import token
from tests.factories import user
from tests.journeys.idp import Idp
from tests.journeys.system import Muster
from tests.journeys.waiting import eventually

pytestmark = pytest.mark.journey


def test_a_revoked_token_is_refused_and_logged_while_its_sibling_works(muster: Muster, staff: Idp) -> None:
    with Idp(staff.list_id, staff.base_url, muster.new_token(staff.list_id)) as sibling:
        assert staff.total() == 0
        muster.in_transaction(lambda cursor: token.revoke(cursor, staff.token[:12]), staff.list_id)
        refused = staff.post(user("ada@north.example"))

        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")
        assert "revoked" in refused.json()["detail"]
        assert sibling.total() == 0
    [entry] = eventually(lambda: muster.log(staff.list_id), 5, "the refusal in the log")
    assert (entry["resource"], entry["operation"], entry["result"]) == ("request", "request", "rejected")
    assert (entry["token_prefix"], entry["detail"]) == (staff.token[:12], refused.json()["detail"])


def test_a_token_on_another_lists_url_is_refused_and_logged_at_home(muster: Muster, staff: Idp) -> None:
    students = muster.new_list()
    astray = Idp(students.list_id, staff.base_url, students.token)
    unknown = Idp(staff.list_id, staff.base_url, token.generate())
    with astray, unknown:
        answers = [idp.post(user("ada@north.example")) for idp in (astray, unknown)]

        assert [answer.status_code for answer in answers] == [401, 401]
        assert answers[0].json() == answers[1].json()
        assert staff.total() == 0
    [entry] = eventually(lambda: muster.log(students.list_id), 5, "the refusal in the token's own list")
    assert (entry["operation"], entry["result"]) == ("request", "rejected")
    assert "used on another list's Base URL" in entry["detail"]
    assert muster.log(staff.list_id) == []


def test_one_list_never_sees_anothers_users(muster: Muster, staff: Idp) -> None:
    with Idp.of(muster.new_list()) as students:
        ada = staff.create(user("ada@north.example"))

        assert students.total() == 0
        assert students.get(ada).status_code == 404
        assert students.lookup("ada@north.example").json()["totalResults"] == 0
        assert students.delete(ada).status_code == 404
        assert staff.get(ada).status_code == 200
