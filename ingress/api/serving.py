"""From a request to its answer: authenticated, counted, done once, and answered again where it is sent again."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import msgspec

from ingress.api import reading
from ingress.api.desk import Asked, Desk, Office, at_desk, authenticate
from ingress.api.operation import Download, Later
from ingress.api.problems import Wrong, wrong_parameter
from ingress.api.reading import JSON
from models import replay
from models.replay import Kept, Named

_KEY = re.compile(r'"([\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{1,255})')
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Answer:
    """What goes out: `body`, and where it is a file what `more` tells of it from `place` on, until that is None."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    place: Any = None
    more: Callable[[Any], tuple[str, Any]] | None = None


def admit(office: Office, asked: Asked, headers: dict[str, str]) -> tuple[str, str]:
    """The key of a request that may bring a file, as far as can be told before it is read, and its organisation."""
    key = authenticate(office, asked, headers)
    with at_desk(office, asked, key) as desk:
        reading.query(asked)
        reading.check_media_type(asked)
        return key, desk.caller.organisation_id


def serve(office: Office, asked: Asked, headers: dict[str, str], key: str | None = None) -> Answer:
    """Answer a request; raises what `problems.of` knows. `headers` gets those that go out with either. `key`: of one
    that was admitted."""
    key = key or authenticate(office, asked, headers)
    later: Later[Any] | None = None
    with at_desk(office, asked, key) as desk:
        query, body, named = reading.query(asked), reading.body(asked), _named(desk)
        kept = replay.enter(desk.cursor, named) if named else None
        if kept is not None:
            return _again(kept)
        found = asked.operation.handler(desk, **_arguments(asked, query, body))
        if isinstance(found, Download):
            return _begun(desk, found, partial(_go_on, office, asked, key, found))
        if isinstance(found, Later):
            later = found
        else:
            answer = _answer(desk, found)
            if named:
                replay.keep(desk.cursor, named, _kept(asked, answer))
    return _answer(desk, later.answer()) if later else answer


def _arguments(asked: Asked, query: Any, body: Any) -> dict[str, Any]:
    given: dict[str, Any] = {name: value for name, value in asked.ids.items() if name != "list_id"}
    if asked.operation.query is not None:
        given["query"] = query
    if asked.operation.body is not None:
        given["body"] = body
    if asked.file is not None:
        given["file"] = asked.file.content
    return given


def _answer(desk: Desk, found: Any) -> Answer:
    operation = desk.asked.operation
    if found is None:
        return Answer(operation.status, headers=desk.headers)
    if operation.paged and found.next_cursor is not None:
        desk.headers["Link"] = f'<?{_next(desk.asked, found.next_cursor)}>; rel="next"'
    return Answer(operation.status, _encode(found), {"Content-Type": JSON, **desk.headers})


def _begun(desk: Desk, file: Download, more: Callable[[Any], tuple[str, Any]]) -> Answer:
    """A file's beginning, in the transaction that looks whether there is one."""
    text, place = file.stretch(desk, None)
    named = {"Content-Type": file.media_type, "Content-Disposition": f'attachment; filename="{file.name}"'}
    return Answer(desk.asked.operation.status, (file.head + text).encode(), {**named, **desk.headers}, place, more)


def _go_on(office: Office, asked: Asked, key: str, file: Download, place: Any) -> tuple[str, Any]:
    """At a desk of its own, so that a slow reader holds no transaction, and a revoked key ends it."""
    with at_desk(office, asked, key) as desk:
        return file.stretch(desk, place)


def _next(asked: Asked, cursor: str) -> str:
    return urlencode([*((name, value) for name, value in asked.parameters if name != "cursor"), ("cursor", cursor)])


def _named(desk: Desk) -> Named | None:
    """The request by its Idempotency-Key, where it has one and changes something."""
    asked = desk.asked
    text = asked.headers.get("idempotency-key")
    if text is None or not asked.operation.changes:
        return None
    found = _KEY.fullmatch(text.strip())
    if found is None:
        raise wrong_parameter("an Idempotency-Key has 1 to 255 visible ASCII characters, in quotes", "Idempotency-Key")
    version = asked.headers.get("if-match", "")
    sent = asked.file.digest if asked.file else asked.body
    fingerprint = sha256(b"\x00".join((asked.query, version.encode("latin-1", "replace"), sent))).digest()
    route = f"{asked.operation.method} {asked.path}"
    return Named(desk.caller.key_id, route, found[1] or found[2], fingerprint)


def _kept(asked: Asked, answer: Answer) -> Kept:
    body = None if asked.operation.secret else answer.body.decode()
    return Kept(answer.status, body, answer.headers)


def _again(kept: Kept) -> Answer:
    if kept.body is None:
        sentence = (
            "this request was done already, and its answer held a secret that is shown once and not kept: revoke what"
            " was made, and make another with a new Idempotency-Key"
        )
        raise Wrong("not-kept", sentence)
    return Answer(kept.status, kept.body.encode(), {**kept.headers, "Idempotent-Replayed": "true"})
