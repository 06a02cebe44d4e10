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
from ops.simulators.wire import Document, Employee, Idp, Pace, Refusal, Tally, Team, Wire

IDPS: dict[str, type[Idp]] = {idp.name: idp for idp in (Okta, Entra, PingOne, OneLogin, JumpCloud)}
MOST_FAILURES_SHOWN = 10
OF_A_SEED = 1_000_000  # numbers of employees, which everything about them follows from


def run(
    idp: Idp,
    base_url: str,
    token: str,
    users: int,
    update_share: float,
    leaver_share: float,
    groups: int = 0,
    *,
    rate: float | None = None,
    seed: int = 0,
    cycle: int = 0,
    repeats: float = 0.0,
    progress: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Everything, and what it counted.

    `rate` is the most requests a second, `seed` chooses other people (the same for the same seed), `cycle` other
    changes of theirs, `repeats` is the share of writes that are sent again as after a lost answer, and `progress` is
    called when a user or a group is done, from several threads.
    """
    pace = Pace(rate)

    def wire() -> Wire:
        return Wire(base_url, idp.authorization(token), idp.headers, pace, repeats)

    first = wire()
    idp.test(first)
    first.close()
    total, started = first.tally, time.perf_counter()
    changed, gone = round(users * update_share), round(users * leaver_share)
    staff: dict[int, Document] = {}  # who stays, as members of groups

    def assign(wire: Wire, number: int) -> None:
        employee = Employee.of(seed * OF_A_SEED + number, idp.name)
        member = _employee(idp, wire, employee, cycle if number < changed else None, number >= users - gone)
        if member is not None:
            staff[number] = member

    def push(wire: Wire, number: int) -> None:
        team = Team(seed * OF_A_SEED + number, idp.name)
        idp.push(wire, team, [staff[one] for one in range(number, users, groups) if one in staff])

    for count, act in ((users, assign), (groups, push)):
        for tally in _side_by_side(idp.parallel, count, wire, act, progress):
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
    parallel: int, count: int, wire: Callable[[], Wire], act: Callable[[Wire, int], None], progress: Callable[[], None]
) -> Iterator[Tally]:
    """Each number up to `count` dealt with, over so many connections."""
    with ThreadPoolExecutor(parallel) as pool:
        shares = [range(start, count, parallel) for start in range(min(parallel, count))]
        yield from pool.map(lambda numbers: _share(wire(), numbers, act, progress), shares)


def _share(wire: Wire, numbers: range, act: Callable[[Wire, int], None], progress: Callable[[], None]) -> Tally:
    for number in numbers:
        try:
            act(wire, number)
        except Refusal as refusal:
            wire.tally.failures.append(str(refusal))
        except (HTTPException, OSError) as error:
            wire.tally.failures.append(f"connection lost: {error!r}")
        progress()
    wire.close()
    return wire.tally


def _employee(idp: Idp, wire: Wire, employee: Employee, cycle: int | None, leaves: bool) -> Document | None:
    """A day of one employee; a group's member afterwards, who does not leave."""
    user = idp.find(wire, employee.user_name) or idp.create(wire, employee)
    if cycle is not None:
        employee = replace(employee, title=f"Senior {employee.title}{f' {cycle}' if cycle else ''}")
        idp.update(wire, user, employee)
    if leaves:
        idp.deactivate(wire, user, employee)
        return None
    return {"value": user["id"], "display": employee.user_name}
