"""A directory's day in an identity provider's dialect: everybody assigned, some changed, some gone, groups pushed."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPException
from typing import Any

from ops.simulators.entra import Entra
from ops.simulators.idp import Idp
from ops.simulators.jumpcloud import JumpCloud
from ops.simulators.okta import Okta
from ops.simulators.onelogin import OneLogin
from ops.simulators.people import Employee, Team
from ops.simulators.pingone import PingOne
from ops.simulators.schemas import Document
from ops.simulators.tally import Tally
from ops.simulators.wire import Pace, Refusal, Wire

IDPS: dict[str, type[Idp]] = {idp.name: idp for idp in (Okta, Entra, PingOne, OneLogin, JumpCloud)}
MOST_FAILURES_SHOWN = 10
OF_A_SEED = 1_000_000  # numbers of employees, which everything about them follows from


@dataclass(frozen=True)
class Day:
    """Who is in the directory, and what becomes of whom; the same for the same numbers."""

    idp: str
    users: int
    update_share: float
    leaver_share: float
    groups: int
    seed: int
    cycle: int

    def employee(self, number: int) -> Employee:
        """One of those who are assigned."""
        return Employee.of(self.seed * OF_A_SEED + number, self.idp)

    def change(self, number: int) -> int | None:
        """Which change of an employee's is due; None for those who stay as they are."""
        return self.cycle if number < round(self.users * self.update_share) else None

    def leaves(self, number: int) -> bool:
        """Whether an employee is gone at the end."""
        return number >= self.users - round(self.users * self.leaver_share)

    def team(self, number: int) -> Team:
        """One of those that are pushed."""
        return Team(self.seed * OF_A_SEED + number, self.idp)

    def numbers_in(self, team: int) -> range:
        """Whom a team has: each its share of everybody."""
        return range(team, self.users, self.groups)


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
    day = Day(idp.name, users, update_share, leaver_share, groups, seed, cycle)
    wire = partial(Wire, base_url, idp.authorization(token), idp.headers, Pace(rate), repeats)
    total = _tested(idp, wire())
    started = time.perf_counter()
    staff: dict[int, Document] = {}  # who stays, as members of groups
    for count, act in ((users, partial(_assign, idp, day, staff)), (groups, partial(_push, idp, day, staff))):
        for tally in _side_by_side(idp.parallel, count, wire, act, progress):
            total.add(tally)
    return {"idp": idp.name, "users": users, "groups": groups} | _counted(total, time.perf_counter() - started)


def _tested(idp: Idp, wire: Wire) -> Tally:
    """What the administrator's connection test counted."""
    idp.test(wire)
    wire.close()
    return wire.tally


def _assign(idp: Idp, day: Day, staff: dict[int, Document], wire: Wire, number: int) -> None:
    """A day of one employee, who is a member of groups afterwards unless they leave."""
    employee, change = day.employee(number), day.change(number)
    user = idp.find(wire, employee.user_name) or idp.create(wire, employee)
    if change is not None:
        employee = replace(employee, title=f"Senior {employee.title}{f' {change}' if change else ''}")
        idp.update(wire, user, employee)
    if day.leaves(number):
        idp.deactivate(wire, user, employee)
    else:
        staff[number] = {"value": user["id"], "display": employee.user_name}


def _push(idp: Idp, day: Day, staff: dict[int, Document], wire: Wire, number: int) -> None:
    """One group with those of its members who stay."""
    idp.push(wire, day.team(number), [staff[one] for one in day.numbers_in(number) if one in staff])


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
