"""Whether what is promised is kept, and where to look if not."""

from ops.dashboards.board import Board, Row
from ops.dashboards.objectives import ALL, ANSWERS, ARRIVALS, REQUESTS, Objective
from ops.dashboards.panels import ANY, NEUTRAL, SOME, Panel, high, lines, low, number, stack, state
from ops.dashboards.queries import growth, latest, lowest, or_zero, quantiles, rate, total

# Ninety-nine point nine per cent of 30 days, burnt within two days at 14.4 times, within five at 6 times.
BURNS = high(6, 14.4)
BUILDS = "count by (version, python) (muster_build_info)"


def _kept(one: Objective) -> Panel:
    goal = 1 - one.allowed
    return number(
        one.title, "percentunit", one.kept(), tells=f"Over the time shown. {one.what}", act=f"When low: {one.look}",
        steps=low(goal, goal - one.allowed), width=4,
    ).decimals(2)  # fmt: skip


def _left(one: Objective) -> Panel:
    return number(
        f"Budget left · {one.title}", "percentunit", one.left(),
        tells=f"What is left of the {one.allowed:.1%} that may miss it, over the time shown. Below zero: it is"
        " broken.",
        act="When it goes down: *How fast the budgets are used up* tells since when. Hold changes of the system back"
        " until it recovers.",
        steps=low(0.5, 0.1), width=4,
    ).decimals(0)  # fmt: skip


def _burn(one: Objective) -> Panel:
    return lines(
        f"Burn · {one.title}", "suffix: ×", {"5 min": one.burn("5m"), "1 h": one.burn("1h"), "6 h": one.burn("6h")},
        tells="How many times faster than allowed the budget is used up. At 1 it lasts exactly as long as it should, at"
        " 14.4 a month's is gone within two days.",
        act=f"When both 5 min and 1 h are above 14.4: somebody must act now. {one.look}", steps=BURNS,
    ).decimals(1)  # fmt: skip


PROMISES = [panel for one in ALL for panel in (_kept(one), _left(one))]

NOW = [
    state(
        "Database", lowest("muster_database_up"),
        tells="Whether every process reaches PostgreSQL.",
        act="When down: nothing is accepted, IdPs get 503 and try again. Nothing accepted is lost.",
    ),
    state(
        "Valkey", lowest("muster_redis_up"), tells="Whether every process reaches Redis or Valkey.",
        act="When down: changes are still accepted, and the sweep applies them, a few seconds later than usual.",
    ),
    number(
        "Oldest change not applied", "s", latest("muster_journal_oldest_seconds"), steps=high(5, 60),
        tells="How long the oldest accepted change has waited for a worker.",
        act="When high: no worker runs, they are too few, or one list is stuck: Workers and journal; behind a lock:"
        " *Locks waiting* (Postgres and Valkey). `muster backlog` names the list and who blocks it.",
    ),
    number(
        "Waiting", "short", latest("muster_waiting"), steps=SOME,
        tells="Users and people whose last operation waits for a reason of its own: a missing or duplicate unique"
        " identifier, an unmapped field.",
        act="When it grows: the lists' Sync tabs, under *Needs attention*, tell whose and why.",
    ),
    number(
        "Set aside", "short", latest("muster_set_aside"), steps=ANY,
        tells="Journal rows that no drain could apply and nobody has retried. Others go past them.",
        act="When above zero: the workers' log has `row_set_aside` with the reason. Mend it, then retry from the log.",
    ),
    number(
        "Held deactivations", "short", latest("muster_held"), steps=SOME,
        tells="Deactivations that the guard holds, for there were more at once than is usual.",
        act="When above zero: somebody has to look at *Held deactivations* of the list and release or discard them.",
    ),
    number(
        "Quiet connections", "short", latest("muster_connections_quiet"), steps=SOME,
        tells="Connected lists whose identity provider is long overdue, by its own rhythm.",
        act="When above zero: look at the provider's provisioning job: paused, quarantined, or a wrong token?",
    ),
    number(
        "Connections at risk", "short", latest("muster_connections_at_risk"), steps=ANY,
        tells="Connected lists whose last bursts failed for the most part. Entra ID quarantines such.",
        act="When above zero: Ingress, *Errors by scimType*, and the list's log tell what is refused.",
    ),
    number(
        "Connected lists", "short", latest("muster_connections"), tells="Lists that an identity provider fills.",
        act="When it falls without anybody having meant it: `audit_entry` in the database tells who.",
    ),
    number(
        "Tokens that expire", "short", latest("muster_tokens_expiring", where='within_days="14"'), steps=SOME,
        tells="Bearer tokens in use that expire within 14 days.",
        act="When above zero: issue a second token, put it into the identity provider, then revoke the first.",
    ),
    number(
        "Dead messages", "short", latest("muster_queued_messages", where='state="dead"'), steps=ANY,
        tells="Messages that were tried until the end. Changes are not lost by it: the sweep rings again.",
        act="When above zero: the workers' log has the error of the last try.",
    ),
    number(
        "Bells not heard", "short", growth("muster_bell_failures_total", over="1h"), steps=SOME,
        tells="Rings of the last hour that did not reach Valkey; the sweep makes up for each within two seconds.",
        act="When above zero: is Valkey up, full or slow? Postgres and Valkey tells.",
    ),
    number(
        "Shed requests", "short", growth("muster_queue_shed_total", over="1h"), steps=SOME,
        tells="Requests of the last hour answered 503 because too many were waiting.",
        act="When above zero: more ingress processes, or find out why the database is slow: Ingress, *Batches*.",
    ),
    number(
        "Tokens refused", "short", or_zero(growth("muster_auth_failures_total", over="1h")), steps=high(10, 1_000),
        tells="Requests of the last hour whose token opens nothing.",
        act="When high: Ingress, *Tokens refused, by reason*: `expired` and `revoked` are an operator's to mend.",
    ),
    number(
        "Database connections", "percentunit",
        f"{latest('muster_postgres_connections_used')} / {latest('muster_postgres_connections_max')}",
        steps=high(0.7, 0.9), tells="How many of the connections that PostgreSQL allows are taken.",
        act="When high: fewer processes, a higher max_connections, or a pooler in between.",
    ),
    number(
        "Free disk", "percentunit",
        f"min({latest('muster_disk_free_bytes', 'folder')} / {latest('muster_disk_bytes', 'folder')})",
        steps=low(0.2, 0.1), tells="Free space of the fullest disk that is watched (MUSTER_WATCH_DISKS).",
        act="When low: PostgreSQL stops when its disk is full. Postgres and Valkey tells which, and what grows.",
    ),
]  # fmt: skip

TRAFFIC = [
    stack(
        "Requests", "reqps", "{{status}}", rate(REQUESTS, by="status"), width=12,
        tells="SCIM requests a second by the status of their answer.",
        act="When 4xx grow: Ingress, *Errors by scimType*. When 5xx show at all: the logs have them with a request id.",
    ),
    lines(
        "Time to answer", "s", quantiles(ANSWERS), steps=high(0.25, 1), width=12,
        tells="From a SCIM request's arrival to its answer.",
        act="When high: Ingress tells which operation, and whether batches queue or commits are slow.",
    ),
    lines(
        "Time to the list", "s", quantiles(ARRIVALS), steps=high(5, 60), width=12,
        tells="From the acceptance of a change to the list.",
        act="When high: Workers and journal tells whether workers are too few or drains too slow.",
    ),
    lines(
        "Journal", "short", {"not applied yet": latest("muster_journal_pending")}, width=12, steps=NEUTRAL,
        tells="Accepted operations that are not applied yet. A burst makes a peak; what matters is that it goes away.",
        act="When it only grows: more worker processes, or Workers and journal for what holds them up.",
    ),
    lines(
        "Processes", "short", {"{{kind}}": total("muster_processes", "kind")}, width=12,
        tells="Processes that live: ingress, the console's among them, and workers.",
        act="When it drops unasked: the log of the machine or container that lost one; was it killed for its memory?",
    ),
    lines(
        "Versions that run", "short", {"Muster {{version}}, Python {{python}}": BUILDS}, width=12,
        tells="Targets that Prometheus asks, by what runs in them.",
        act="When two versions run for longer than a roll-out takes: it has stopped half-way.",
    ),
]  # fmt: skip

BOARD = Board(
    "overview",
    "Overview and SLOs",
    "Is what we promise kept, is anything waiting for somebody, and where to look next.",
    [
        Row("What is promised, over the time shown", PROMISES),
        Row("How fast the budgets are used up", [_burn(one) for one in ALL]),
        Row("What waits for somebody", NOW),
        Row("What goes on", TRAFFIC),
    ],
)
