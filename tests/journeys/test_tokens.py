"""Tokens at the door: a revoked one, another list's, and what their list's log says (T2, T4, L2)."""

import httpx
import pytest

from models import token
from tests.factories import user
from tests.journeys.idp import Idp
from tests.journeys.system import Muster
from tests.journeys.waiting import eventually

pytestmark = pytest.mark.journey
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
REFUSED = 'muster_auth_failures_total{reason="address"}'


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


def test_from_outside_of_the_allowed_networks_every_request_is_refused_in_every_process(
    muster: Muster, staff: Idp
) -> None:
    ada = staff.create(user("ada@north.example"))
    muster.cli("list", "allow", staff.list_id, "203.0.113.0/24", "2001:db8::/32")
    before = failures(muster)

    # Whatever is asked for: rows, none, a bulk request, what is no endpoint at all; many, so that both processes are.
    answers = [
        answer
        for _ in range(4)
        for answer in (
            staff.get(ada), staff.post(user("ben@north.example")), staff.lookup("ada@north.example"), staff.delete(ada),
            staff.http.get(f"{staff.base_url}/Schemas"), staff.http.get(f"{staff.base_url}/Nothing"),
            staff.http.post(f"{staff.base_url}/Bulk", json={"schemas": [BULK], "Operations": [
                {"method": "DELETE", "path": f"/Users/{ada}"}]}),
        )
    ]  # fmt: skip

    assert {answer.status_code for answer in answers} == {403}
    detail = answers[0].json()["detail"]
    assert "not taken from the address 127.0.0.1" in detail
    assert "allowed networks on the list's Sync tab" in detail
    eventually(lambda: failures(muster) - before == len(answers), 5, "all of them in the metrics")
    entry = eventually(lambda: muster.log(staff.list_id)[-1], 5, "the refusal in the log")
    assert (entry["operation"], entry["result"], entry["detail"]) == ("request", "rejected", detail)

    muster.cli("list", "allow", staff.list_id, "127.0.0.0/8", "::1")
    assert [staff.get(ada).status_code for _ in range(4)] == [200] * 4


def failures(muster: Muster) -> float:
    """Requests from elsewhere, as the metrics count them."""
    text = httpx.get(muster.ready["metrics_url"], trust_env=False).text
    return sum(float(line.split()[-1]) for line in text.splitlines() if REFUSED in line)
