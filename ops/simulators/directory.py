"""A directory's day in an identity provider's dialect: everybody assigned, some changed, some gone."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.client import HTTPException
from typing import Any

from ops.simulators.entra import Entra
from ops.simulators.jumpcloud import JumpCloud
from ops.simulators.okta import Okta
from ops.simulators.onelogin import OneLogin
from ops.simulators.pingone import PingOne
from ops.simulators.wire import Employee, Idp, Refusal, Tally, Wire

IDPS: dict[str, type[Idp]] = {idp.name: idp for idp in (Okta, Entra, PingOne, OneLogin, JumpCloud)}
MOST_FAILURES_SHOWN = 10


def run(idp: Idp, base_url: str, token: str, users: int, update_share: float, leaver_share: float) -> dict[str, Any]:
    """Everything, and what it counted."""

    def wire() -> Wire:
        return Wire(base_url, idp.authorization(token), idp.headers)

    first = wire()
    idp.test(first)
    first.close()
    total, started = first.tally, time.perf_counter()
    with ThreadPoolExecutor(idp.parallel) as pool:
        share = [range(start, users, idp.parallel) for start in range(min(idp.parallel, users))]
        for tally in pool.map(lambda numbers: _day(idp, wire(), numbers, users, update_share, leaver_share), share):
            total.add(tally)
    seconds = time.perf_counter() - started
    requests = sum(total.statuses.values())
    return {
        "idp": idp.name,
        "users": users,
        "requests": requests,
        "failed": len(total.failures),
        "seconds": round(seconds, 3),
        "requests_per_second": round(requests / seconds, 1),
        "steps": total.steps(),
        "failures": total.failures[:MOST_FAILURES_SHOWN],
    }


def _day(idp: Idp, wire: Wire, numbers: range, users: int, update_share: float, leaver_share: float) -> Tally:
    changed, gone = round(users * update_share), round(users * leaver_share)
    for number in numbers:
        try:
            _employee(idp, wire, number, number < changed, number >= users - gone)
        except Refusal as refusal:
            wire.tally.failures.append(str(refusal))
        except (HTTPException, OSError) as error:
            wire.tally.failures.append(f"connection lost: {error!r}")
    wire.close()
    return wire.tally


def _employee(idp: Idp, wire: Wire, number: int, changes: bool, leaves: bool) -> None:
    employee = Employee.of(number, idp.name)
    user = idp.find(wire, employee.user_name) or idp.create(wire, employee)
    if changes:
        employee = replace(employee, title=f"Senior {employee.title}")
        idp.update(wire, user, employee)
    if leaves:
        idp.deactivate(wire, user, employee)
