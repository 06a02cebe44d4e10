"""/Users: every request becomes one pure change or one read, and one resource."""

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Any

from ingress import commit, lookup
from ingress.batches import Batches
from ingress.http import Request, Response
from ingress.scim import filters, intake, patch, projection, query, redact, render
from ingress.scim.errors import InvalidFilter
from models import acceptance, identity
from models.acceptance import Accepted, Change, Outcome
from models.database import Cursor
from models.errors import Refused, Unknown
from models.identity import Document, Stored
from models.provisioning_log import BODY_LIMIT
from models.text import equality_key
from models.token import Holder

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated request to one list."""

    request: Request
    holder: Holder
    base: str
    idp: str | None


@dataclass(frozen=True, slots=True)
class Users:
    """The operations on users, over the shared writer and reader."""

    writer: Batches[commit.Ask, Outcome]
    reader: Batches[lookup.Ask, Any]

    async def create(self, call: Call) -> Response:
        """POST /Users (RFC 7644 §3.3)."""
        parsed = intake.load(call.request.body)
        document = intake.user(parsed)
        accepted = await self._submit(call, "create", lambda _: document, None, parsed)
        location = f"{call.base}/Users/{accepted.id}".encode()
        return self._resource(call, accepted, 201, [(b"location", location)])

    async def replace(self, call: Call, user_id: str) -> Response:
        """PUT /Users/{id} (§3.5.1): what is omitted is cleared, but for `active`, which stays."""
        parsed = intake.load(call.request.body)
        document = intake.user(parsed)
        keeps_active = not intake.had_active(parsed)

        def change(present: Document | None) -> Document:
            if keeps_active and present is not None:
                return {**document, "active": present["active"]}
            return document

        return self._resource(call, await self._submit(call, "update", change, user_id, parsed), 200)

    async def modify(self, call: Call, user_id: str) -> Response:
        """PATCH /Users/{id} (§3.5.2)."""
        parsed = intake.load(call.request.body)
        operations = patch.parse(parsed)

        def change(present: Document | None) -> Document:
            return patch.apply(operations, present or {})

        return self._resource(call, await self._submit(call, "update", change, user_id, parsed), 200)

    async def delete(self, call: Call, user_id: str) -> Response:
        """DELETE /Users/{id} (§3.6); the person stays in the list, inactive."""
        await self._submit(call, "delete", lambda present: present or {}, user_id, None)
        return Response(204)

    async def get(self, call: Call, user_id: str) -> Response:
        """GET /Users/{id} (§3.4.1)."""
        user_id = _known_form(user_id)
        found = await self._read(call, lookup.ByKey("id", user_id))
        if found is None:
            raise _unknown(user_id)
        return self._resource(call, found, 200)

    async def page(self, call: Call) -> Response:
        """GET /Users, with or without a filter (§3.4.2)."""
        parameters = query.parameters(call.request.query)
        wanted = query.page(parameters)
        if not parameters.get("filter"):
            found = await self._read(call, lookup.Query(_page(call.holder.list_id, wanted)))
            stored, total = found
        else:
            # Off the event loop: what the fast path cannot read imports a grammar of 0.7 s the first time.
            text = parameters["filter"]
            quick = len(text) <= query.LONGEST_FILTER and filters.simple(text)
            node = query.parse(text) if quick else await asyncio.to_thread(query.parse, text)
            matching = await self._matching(call, node)
            first = wanted.start_index - 1
            stored, total = matching[first : first + wanted.count], len(matching)
        resources = [_projected(call, parameters, one) for one in stored]
        return Response(200, render.listing(resources, total, wanted.start_index))

    async def _matching(self, call: Call, node: Any) -> list[Stored]:
        term = query.term(node)
        if term is None:
            raise InvalidFilter(
                "this filter names no attribute that users can be looked up by: add userName, externalId, id or"
                " emails with eq"
            )
        candidates = await self._candidates(call, *term)
        return [one for one in candidates if query.matches(node, {**one.document, "id": one.id})]

    async def _candidates(self, call: Call, kind: str, key: str) -> list[Stored]:
        list_id = call.holder.list_id
        if kind in ("id", "user_name"):
            if kind == "id" and not _UUID.fullmatch(key):
                await self._read(call, None)
                return []
            one = await self._read(call, lookup.ByKey("id" if kind == "id" else "user_name_key", key))
            return [one] if one is not None else []

        def read(cursor: Cursor) -> list[Stored]:
            if kind == "external_id":
                return identity.by_external_id(cursor, list_id, key)
            return identity.by_email(cursor, list_id, equality_key(key))

        found: list[Stored] = await self._read(call, lookup.Query(read))
        return found

    async def _read(self, call: Call, what: lookup.ByKey | lookup.Query | None) -> Any:
        answer = await self.reader.submit(lookup.Ask(call.holder, what, call.request.address))
        if isinstance(answer, Refused):
            raise answer
        return answer

    async def _submit(
        self, call: Call, verb: str, change: Any, user_id: str | None, parsed: dict[str, Any] | None
    ) -> Accepted:
        request = call.request
        origin = acceptance.Request(
            request.request_id,
            redact.body(request.body, parsed)[:BODY_LIMIT] if parsed is not None else None,
            call.holder.prefix,
            call.idp,
        )
        user_id = _known_form(user_id) if user_id is not None else None
        ask = commit.Ask(call.holder, Change(call.holder.list_id, verb, origin, change, user_id), request.address)
        outcome = await self.writer.submit(ask)
        if isinstance(outcome, Refused):
            raise outcome
        return outcome

    def _resource(
        self,
        call: Call,
        found: Accepted | Stored,
        status: int,
        headers: list[tuple[bytes, bytes]] | None = None,
    ) -> Response:
        parameters = query.parameters(call.request.query) if call.request.query else {}
        return Response(status, render.encode(_projected(call, parameters, found)), headers or [])


def _projected(call: Call, parameters: dict[str, str], found: Accepted | Stored) -> dict[str, Any]:
    resource = render.user(found.id, found.document, found.version, found.created, found.modified, call.base)
    attributes, excluded = parameters.get("attributes"), parameters.get("excludedattributes")
    return projection.project(resource, attributes, excluded) if attributes or excluded else resource


def _page(list_id: str, wanted: query.Page) -> Any:
    def read(cursor: Cursor) -> tuple[list[Stored], int]:
        return identity.page(cursor, list_id, wanted.start_index, wanted.count)

    return read


def _known_form(user_id: str) -> str:
    if not _UUID.fullmatch(user_id):
        raise _unknown(user_id)
    return user_id


def _unknown(user_id: str) -> Unknown:
    return Unknown(f"no user has the id '{user_id[:100]}' in this list: look the user up by userName")


def named_in(body: bytes) -> str | None:
    """The userName in a refused body, where one can be read; for its log entry."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    name = parsed.get("userName") if isinstance(parsed, dict) else None
    return name[:256] if isinstance(name, str) and "\x00" not in name and name.isprintable() else None
