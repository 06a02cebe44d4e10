"""Which part of the site answers what, for each MUSTER_SERVE."""

import pytest
from litestar.testing import TestClient

from ingress import uploads
from ingress.app import build
from ops.settings import Settings, WrongSetting, load

PATHS = {"scim": "/scim/v2/aaaaaaaaaa/Users", "console": "/login", "api": "/api/v1/docs"}


@pytest.mark.parametrize(
    ("serve", "there"),
    [
        ("scim", {"scim"}), ("console", {"console", "api"}), ("api", {"api"}), ("scim,api", {"scim", "api"}),
        ("scim,console", {"scim", "console", "api"}),
    ],
)  # fmt: skip
def test_the_api_is_where_the_console_is_and_may_be_alone(database_url: str, serve: str, there: set[str]) -> None:
    settings = Settings(database_url=database_url, redis_url="redis://127.0.0.1:1/0", serve=serve, log_level="error")
    with TestClient(build(settings)) as client:
        answers = {part: client.get(path) for part, path in PATHS.items()}
        found = {part for part, answer in answers.items() if answer.status_code != 404}
        assert found - {"scim"} == there - {"scim"}
        assert ("www-authenticate" in answers["scim"].headers) == ("scim" in there)
        if "api" in there:
            page = answers["api"].text
            style = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
            assert client.get(style).status_code == 200
            assert client.get("/api/v1/lists").headers["content-type"] == "application/problem+json"
            assert client.get("/api").status_code == 404
            wrong = client.get("/api/v1/lists", headers={"Host": "no host"})
            assert (wrong.status_code, wrong.headers["content-type"]) == (400, "application/problem+json")
            assert "host header" in wrong.json()["detail"]


def test_a_part_that_there_is_not_is_a_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_SERVE", "scim,rest")

    with pytest.raises(WrongSetting, match="name scim, console or api"):
        load()


def test_one_organisation_has_one_turn_to_upload_and_leaves_the_others_theirs() -> None:
    turn = uploads.turn
    with turn("north") as first, turn("north") as again, turn("south") as other, turn("west") as third:
        pass
    with uploads.turn("north") as later:
        pass

    assert (first, again, other, third, later) == (None, uploads.OWN, None, uploads.BUSY, None)
    assert uploads.at_it == set()
