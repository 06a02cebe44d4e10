"""Recorded exchanges (graph-exchange/1) answered again: each once, to the first request that it fits."""

import json
import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ops.simulators.graph.exchange import JSON, Answer, Request

_HOSTS = re.compile(r"https://(graph\.microsoft\.com|login\.microsoftonline\.com)(?=[/?#]|$)")
_WILDCARD = re.compile(r"\$\{\w+\}")
_FORM = "application/x-www-form-urlencoded"


class Script:
    """The exchanges that are still to come."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: list[Mapping[str, Any]] = []

    def set(self, exchanges: Sequence[Mapping[str, Any]]) -> None:
        """Answer these from now on, and none from before."""
        with self._lock:
            self._left = list(exchanges)

    @property
    def left(self) -> list[Mapping[str, Any]]:
        """Those that nobody asked for yet."""
        with self._lock:
            return list(self._left)

    def answer(self, request: Request) -> Answer | None:
        """As recorded, with this server's own address; None where no exchange fits.

        Of several that fit, the one with the fewest wildcards, then the first.
        """
        with self._lock:
            fitting = [one for one in self._left if _fits(one["request"], request)]
            if not fitting:
                return None
            best = min(fitting, key=lambda one: len(_WILDCARD.findall(json.dumps(one["request"]))))
            # By identity: two exchanges may be equal.
            self._left = [one for one in self._left if one is not best]
        return _recorded(best["response"], request.base)


def _recorded(response: Mapping[str, Any], base: str) -> Answer:
    body = response.get("body", "")
    # As it stands: a text is not JSON here, but `$count`.
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    headers = {"Content-Type": JSON, **response.get("headers", {})}
    moved = {name: _HOSTS.sub(lambda _: base, str(value)) for name, value in headers.items()}
    return Answer(response["status"], _HOSTS.sub(lambda _: base, text).encode(), moved)


def _fits(recorded: Mapping[str, Any], request: Request) -> bool:
    url = urlsplit(recorded["url"])
    expected = Request(recorded["method"], f"{url.path}?{url.query}")
    return (
        expected.method == request.method
        and _alike(expected.path, request.path)
        and _query_fits(expected.query, request.query)
        and _body_fits(recorded, request.body)
    )


def _query_fits(expected: dict[str, str], asked: dict[str, str]) -> bool:
    """The same parameters; of `$select` at least what was recorded."""
    if expected.keys() != asked.keys():
        return False
    wanted = {name for name in expected.pop("$select", "").split(",") if name}
    given = {name.strip() for name in asked.pop("$select", "").split(",")}
    # The id is given in any case.
    return wanted - {"id"} <= given and all(_alike(value, asked[name]) for name, value in expected.items())


def _body_fits(recorded: Mapping[str, Any], body: bytes) -> bool:
    expected = recorded.get("body")
    if expected is None:
        return True
    if isinstance(expected, str) and _FORM in recorded.get("headers", {}).get("Content-Type", ""):
        form = dict(parse_qsl(body.decode(errors="replace")))
        values = dict(parse_qsl(expected))
        # The scope begins with the address of Graph, which here is another.
        values.pop("scope", None)
        return all(name in form and _alike(value, form[name]) for name, value in values.items())
    try:
        return _shaped(expected, json.loads(body))
    except ValueError:
        return False


def _shaped(expected: Any, sent: Any) -> bool:
    """Whether it has at least these keys and as many elements."""
    if isinstance(expected, Mapping):
        return isinstance(sent, dict) and all(
            key in sent and _shaped(value, sent[key]) for key, value in expected.items()
        )
    if isinstance(expected, list):
        alike = isinstance(sent, list) and len(expected) == len(sent)
        return alike and all(_shaped(*each) for each in zip(expected, sent, strict=True))
    return not isinstance(sent, dict | list)


def _alike(expected: str, sent: str) -> bool:
    """The same text, where `${…}` stands for any."""
    pattern = ".+".join(map(re.escape, _WILDCARD.split(expected)))
    return re.fullmatch(pattern, sent, re.DOTALL) is not None
