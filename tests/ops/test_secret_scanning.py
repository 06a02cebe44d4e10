"""The rules for secret scanners: they find whatever is issued, nothing that is nearly so, and nothing in this tree."""

import re
import secrets
import subprocess
import tomllib
from itertools import count
from typing import Any

import pytest

from models import api_key, password, token
from ops.vault import new_key
from tests.ops.dockerfile import ROOT

FILE = ROOT / "ops" / "security" / "gitleaks.toml"
RULES = {one["id"].removeprefix("muster-"): one for one in tomllib.loads(FILE.read_text())["rules"]}
TOKEN, KEY, PASSWORD, SEALS = token.generate(), token.generate(api_key.MARK), password.generate(), new_key()
SESSION = secrets.token_urlsafe(32)  # models/operator_session.py


def found(text: str) -> dict[str, list[str]]:
    """What each rule captures, as gitleaks does: only where one of its keywords is."""
    captured = {name: matches(one, text) for name, one in RULES.items()}
    return {name: each for name, each in captured.items() if each}


def matches(rule: dict[str, Any], text: str) -> list[str]:
    allowed = [one for each in rule.get("allowlists", ()) for one in each["regexes"]]
    if not any(one in text.lower() for one in rule["keywords"]):
        return []
    return [one for one in re.findall(rule["regex"], text) if not any(re.search(each, one) for each in allowed)]


@pytest.mark.parametrize(
    ("rule", "secret", "around"),
    [
        ("bearer-token", TOKEN, "Authorization: Bearer {}"),
        ("bearer-token", TOKEN, '{{"token":"{}"}}'),
        ("bearer-token", TOKEN, "?access_token={}&a=1"),
        ("api-key", KEY, "KEY={}\n"),
        ("operator-password", PASSWORD, "'{}'"),
        ("operator-password", PASSWORD, "email=mila@north.example&password={}"),
        ("session-cookie", SESSION, "Set-Cookie: muster={}; Path=/; HttpOnly"),
        ("session-cookie", SESSION, "Cookie: theme=dark; __Host-muster={}"),
        ("secret-key", SEALS, "MUSTER_SECRET_KEY={}"),
        ("secret-key", SEALS, f'MUSTER_SECRET_KEY: "{new_key()},{{}}"'),
        ("server-password", "s3cret%40word", "postgresql://muster_app:{}@db.north.example/muster"),
        ("server-password", "s3cret-word", "MUSTER_REDIS_URL=redis://:{}@valkey:6379/0"),
    ],
)
def test_what_is_issued_or_given_is_found(rule: str, secret: str, around: str) -> None:
    assert found(around.format(secret)) == {rule: [secret]}


def test_each_of_many_is_found() -> None:
    for _ in range(200):
        assert found(token.generate()).keys() == {"bearer-token"}
        assert found(token.generate(api_key.MARK)).keys() == {"api-key"}
        assert found(password.generate()).keys() == {"operator-password"}
        assert found(f"muster={secrets.token_urlsafe(32)}").keys() == {"session-cookie"}
        assert found(f"MUSTER_SECRET_KEY={new_key()}").keys() == {"secret-key"}


@pytest.mark.parametrize(
    "text",
    [
        TOKEN[:12], TOKEN[:12] + "…", TOKEN[:-1], TOKEN + "x", "x" + TOKEN, TOKEN.replace("sct_", "sct-"), KEY[:-1],
        TOKEN[:20] + "-" + TOKEN[21:], PASSWORD[:-1], PASSWORD + "x", "mpw_", SESSION, f"muster={SESSION[:-1]}",
        f"muster={SESSION}x", f"fluster={SESSION}", "muster=", f"SECRET_KEY={SEALS}", "MUSTER_SECRET_KEY=…",
        "MUSTER_SECRET_KEY_FILE=/run/secrets/key", "postgresql://muster_app@db/muster", "redis://:…@valkey/0",
        "postgresql://muster_app:${APP_PASSWORD}@db/muster", "http://someone:password@north.example/",
    ],
    ids=map(str, count()),  # or their names would be other ones in each process of a run
)  # fmt: skip
def test_what_is_nearly_one_is_not_found(text: str) -> None:
    assert found(text) == {}


def test_no_secret_is_in_this_repository() -> None:
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    texts = {name: (ROOT / name).read_text(errors="replace") for name in names if not name.startswith("tests/")}

    assert {name: told for name, text in texts.items() if (told := found(text))} == {}
