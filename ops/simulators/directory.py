"""A directory's day in an identity provider's dialect: everybody assigned, some changed, some gone, groups pushed."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.client import HTTPException
from typing import Any

from ops.simulators.entra import Entra
from ops.simulators.jumpcloud import JumpCloud
from ops.simulators.okta import Okta
from ops.simulators.onelogin import OneLogin
from ops.simulators.pingone import PingOne
from ops.simulators.wire import Document, Employee, Idp, Refusal, Tally, Team, Wire

IDPS: dict[str, type[Idp]] = {idp.name: idp for idp in (Okta, Entra, PingOne, OneLogin, JumpCloud)}
MOST_FAILURES_SHOWN = 10


def run(
    idp: Idp, base_url: str, token: str, users: int, update_share: float, leaver_share: float, groups: int = 0
) -> dict[str, Any]:
    """Everything, and what it counted."""

    def wire() -> Wire:
        return Wire(base_url, idp.authorization(token), idp.headers)

    first = wire()
    idp.test(first)
    first.close()
    total, started = first.tally, time.perf_counter()
    changed, gone = round(users * update_share), round(users * leaver_share)
    staff: dict[int, Document] = {}  # who stays, as members of groups

    def assign(wire: Wire, number: int) -> None:
        member = _employee(idp, wire, number, number < changed, number >= users - gone)
        if member is not None:
            staff[number] = member

    def push(wire: Wire, number: int) -> None:
        idp.push(wire, Team(number, idp.name), [staff[one] for one in range(number, users, groups) if one in staff])

    for count, act in ((users, assign), (groups, push)):
        for tally in _side_by_side(idp.parallel, count, wire, act):
            total.add(tally)
    return {"idp": idp.name, "users": users, "groups": groups} | _counted(total, time.perf_counter() - started)


def _counted(total: Tally, seconds: float) -> dict[str, Any]:
    requests = sum(total.statuses.values())
    return {
        "requests": requests,
        "failed": len(total.failures),
        "seconds": round(seconds, 3),
        "requests_per_second": round(requests / seconds, 1),
        "steps": total.steps(),
        "failures": total.failures[:MOST_FAILURES_SHOWN],
    }


def _side_by_side(
    parallel: int, count: int, wire: Callable[[], Wire], act: Callable[[Wire, int], None]
) -> Iterator[Tally]:
    """Each number up to `count` dealt with, over so many connections."""
    with ThreadPoolExecutor(parallel) as pool:
        shares = [range(start, count, parallel) for start in range(min(parallel, count))]
        yield from pool.map(lambda numbers: _share(wire(), numbers, act), shares)


def _share(wire: Wire, numbers: range, act: Callable[[Wire, int], None]) -> Tally:
    for number in numbers:
        try:
            act(wire, number)
        except Refusal as refusal:
            wire.tally.failures.append(str(refusal))
        except (HTTPException, OSError) as error:
            wire.tally.failures.append(f"connection lost: {error!r}")
    wire.close()
    return wire.tally


def _employee(idp: Idp, wire: Wire, number: int, changes: bool, leaves: bool) -> Document | None:
    """A day of one employee; a group's member afterwards, who does not leave."""
    employee = Employee.of(number, idp.name)
    user = idp.find(wire, employee.user_name) or idp.create(wire, employee)
    if changes:
        employee = replace(employee, title=f"Senior {employee.title}")
        idp.update(wire, user, employee)
    if leaves:
        idp.deactivate(wire, user, employee)
        return None
    return {"value": user["id"], "display": employee.user_name}
