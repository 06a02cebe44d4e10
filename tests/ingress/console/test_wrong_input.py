"""What no browser of ours sends: refused in a sentence, and never a failure."""

import random

import pytest

from models.database import Connection
from tests.ingress.console.conftest import Browser

LONG = "".join(random.Random(1).choices("0123456789abcdef", k=10_000))  # noqa: S311 - too long for an index, unpressed


@pytest.mark.parametrize(
    "path", ["/lists/%00/people", "/lists/a%00b/sync", "/lists/AAAAAAAAAA/people", f"/lists/{LONG}/people"]
)
def test_a_list_that_cannot_be_is_unknown(browser: Browser, path: str) -> None:
    assert browser.get(path, accept="text/html").status_code == 404


@pytest.mark.parametrize(
    "query", ["after=%00", "before=%00", "after=" + LONG, "q=%00", "status=%00", "after=%ed%a0%80"]
)
def test_a_page_that_cannot_be_is_one_all_the_same(browser: Browser, query: str) -> None:
    assert browser.get(f"/lists/{browser.tenant.list_id}/people?{query}").status_code == 200


@pytest.mark.parametrize("uid", ["", "a\x00b", "two\nlines", LONG])
def test_a_uid_that_cannot_be_stored_is_refused(browser: Browser, uid: str) -> None:
    answer = browser.post(f"/lists/{browser.tenant.list_id}/people/new", uid=uid)

    assert (answer.status_code, "a person needs a UID of 1 to 250 characters" in answer.text) == (422, True)


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"name": LONG}, "a name of 1 to 100 characters"),
        ({"name": "two\nlines"}, "a name of 1 to 100 characters"),
        ({"name": "Choir", "label": "x"}, "type &#39;&#39; does not exist"),
        ({"name": "Choir", "label": "x", "type": "dropdown", "options": "a\x00,b"}, "may have 500 options"),
        ({"name": "Choir", "label": "x", "type": "dropdown", "options": ",".join(map(str, range(501)))}, "500 options"),
        ({"name": "Choir", "label": "a\x00", "type": "text"}, "a label of 1 to 60 characters"),
    ],
)
def test_a_list_that_cannot_be_made_is_refused(
    browser: Browser, connection: Connection, form: dict[str, str], sentence: str
) -> None:
    answer = browser.post("/lists/new", **form)

    assert (answer.status_code, sentence in answer.text) == (422, True)
    assert connection.execute("select count(*) from master_list").fetchone() == (1,)


def test_a_list_of_too_many_fields_is_refused(browser: Browser) -> None:
    count = 300
    form = {"_csrf": browser.csrf, "name": "Choir", "label": [f"F{n}" for n in range(count)]}
    form |= {"type": ["text"] * count, "options": [""] * count, "required": [""] * count}

    answer = browser.client.post("/lists/new", data=form)

    assert (answer.status_code, "a list may have 200 fields" in answer.text) == (422, True)


@pytest.mark.parametrize(("value", "sentence"), [("x" * 10_001, "takes 10,000 characters at most"), ("\x00", "remove")])
def test_a_value_that_cannot_be_kept_is_refused(browser: Browser, value: str, sentence: str) -> None:
    answer = browser.post(f"/lists/{browser.tenant.list_id}/people/new", uid="E1", f_locker=value)

    assert (answer.status_code, sentence in answer.text) == (422, True)
