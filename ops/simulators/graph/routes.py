"""Which request is answered by what: scripted exchanges, the token endpoint, and Graph behind its permissions."""

import json
from collections.abc import Callable

from ops.simulators.graph import batch, listing, login
from ops.simulators.graph.delta import Delta, Paging
from ops.simulators.graph.directory import GROUPS, USERS, Directory
from ops.simulators.graph.exchange import Answer, Refused, Request
from ops.simulators.graph.faults import Faults, Throttle
from ops.simulators.graph.script import Script

View = Callable[..., Answer]  # of a directory, a request and the ids of the path
_ANY = ""  # an id in a path
_VIEWS: dict[tuple[str, ...], tuple[str, View]] = {
    ("users", "$count"): (USERS, listing.count_users),
    ("users", _ANY): (USERS, listing.user),
    ("users", _ANY, "manager"): (USERS, listing.manager),
    ("groups",): (GROUPS, listing.all_groups),
    ("groups", "$count"): (GROUPS, listing.count_groups),
    ("groups", _ANY): (GROUPS, listing.group),
    ("groups", _ANY, "members", "$count"): (GROUPS, listing.count_members),
    ("groups", _ANY, "members", "microsoft.graph.user"): (GROUPS, listing.user_members),
}
_DELTA = {"delta", "delta()", "microsoft.graph.delta", "microsoft.graph.delta()"}


class Routes:
    """Both hosts of a simulated tenant."""

    def __init__(self, directory: Directory) -> None:
        self.directory, self.paging = directory, Paging()
        self.script, self.throttle, self.faults = Script(), Throttle(), Faults()
        self._delta = Delta(directory, self.paging)

    def answer(self, request: Request) -> Answer:
        """As scripted, else as the directory is."""
        if (scripted := self.script.answer(request)) is not None:
            self._take_token(scripted)
            return scripted
        try:
            return self._route(request)
        except Refused as refused:
            return refused.answer()

    def _route(self, request: Request) -> Answer:
        match request.path.strip("/").split("/"):
            case [tenant, "oauth2", "v2.0", "token"]:
                _need_method(request, "POST")
                return login.token(self.directory, request, tenant)
            case ["v1.0", "$batch"]:
                _need_method(request, "POST")
                self._need_token(request)
                return batch.answer(request, self._inner)
            case ["v1.0", *parts]:
                _need_method(request, "GET")
                self._need_token(request)
                self.throttle.check()
                with self.directory.lock:
                    return self._object(request, parts)
        raise _no_such_path(request)

    def _inner(self, request: Request) -> Answer:
        """A request of a batch; faults that lose connections or time are for whole requests."""
        fault = self.faults.take(request)
        return (fault and fault.answer()) or self.answer(request)

    def _object(self, request: Request, parts: list[str]) -> Answer:
        if len(parts) == 2 and parts[0] in ("users", "groups") and parts[1].lower() in _DELTA:
            self._need_permission(USERS if parts[0] == "users" else GROUPS)
            return self._delta.answer(request, parts[0])
        for pattern, (permission, view) in _VIEWS.items():
            if len(pattern) == len(parts) and all(
                one in (_ANY, part) for one, part in zip(pattern, parts, strict=True)
            ):
                self._need_permission(permission)
                ids = (part for one, part in zip(pattern, parts, strict=True) if one == _ANY)
                return view(self.directory, request, *ids)
        raise _no_such_path(request)

    def _need_token(self, request: Request) -> None:
        authorization = request.headers.get("authorization", "")
        if not authorization:
            raise Refused(401, "InvalidAuthenticationToken", "Access token is empty.")
        if not self.directory.sessions.good(authorization):
            words = "Lifetime validation failed, the token is expired."
            raise Refused(401, "InvalidAuthenticationToken", words)

    def _need_permission(self, permission: str) -> None:
        if permission not in self.directory.permissions:
            words = "Insufficient privileges to complete the operation."
            raise Refused(403, "Authorization_RequestDenied", words)

    def _take_token(self, scripted: Answer) -> None:
        """A token that a script hands out is good for what no script answers."""
        if b'"access_token"' in scripted.body:
            issued = json.loads(scripted.body)
            self.directory.sessions.take(issued["access_token"], issued["expires_in"])


def _need_method(request: Request, method: str) -> None:
    if request.method != method:
        raise Refused(405, "Request_BadRequest", f"{request.method} is not supported here.", {"Allow": method})


def _no_such_path(request: Request) -> Refused:
    return Refused(400, "BadRequest", f"Resource not found for the segment '{request.path.rpartition('/')[2]}'.")
