"""Why one list lags: is it alone, or does everything?"""

from ops.dashboards.board import Board, Row, label_values
from ops.dashboards.objectives import ARRIVALS
from ops.dashboards.panels import SOME, high, lines, number, ranking
from ops.dashboards.queries import latest, quantiles

LIST = 'list="$list"'
SUCCESS = "muster_list_last_success_timestamp_seconds"
# 0 stands for never: the age would be 56 years.
AGE = f"time() - ({latest(SUCCESS, where=LIST)} > 0)"

THIS = [
    number(
        "Not applied yet", "short", latest("muster_list_pending", where=LIST), width=6,
        tells="Accepted operations of this list that wait for a worker; 10,000 stands for more.",
        act="When it stays: beside it, *Everything* tells whether the others wait as well.",
    ),
    number(
        "Since the last change", "s", AGE, width=6,
        tells="How long ago a change of this list was applied. Nothing at all: never yet.",
        act="When longer than its provider's cycle: its Sync tab tells the last burst and when the next is expected.",
    ),
    number(
        "Its share of the journal", "percentunit",
        f"{latest('muster_list_pending', where=LIST)} / clamp_min({latest('muster_journal_pending')}, 1)", width=6,
        tells="How much of everything that waits is this list's.",
        act="Near 100 %: this list alone is behind, by a burst of its own, by a lock (*Locks waiting* (Postgres and"
        " Valkey); `muster backlog` names who holds it) or by a lane that is stuck (the log has `lane_single`).",
    ),
    number(
        "Waiting, of all lists", "short", latest("muster_waiting"), steps=SOME, width=6,
        tells="Users and people, of all lists, whose last operation waits for a reason of its own.",
        act="When above zero: the list's log, filtered by *Waiting*, tells whether any are this list's.",
    ),
    lines(
        "Not applied yet, over time", "short", {
            "this list": latest("muster_list_pending", where=LIST), "all lists": latest("muster_journal_pending"),
        }, width=12, tells="What of this list waits for a worker, and what of all lists.",
        act="When both rise: Workers and journal. This one alone: its own burst, a lock (*Locks waiting* (Postgres and"
        " Valkey), `muster backlog`) or a lane that is stuck.",
    ),
    lines(
        "Since the last change, over time", "s", {"this list": AGE}, width=12,
        tells="Saw teeth: each tooth is a pause of its provider.",
        act="When a tooth is longer than the others: the provider is late, or what it sends is refused.",
    ),
]  # fmt: skip

EVERYTHING = [
    lines(
        "Time to the list, of all", "s", quantiles(ARRIVALS), steps=high(5, 60),
        tells="From the acceptance of an operation to its list, over all lists.",
        act="When high: it is not this list's fault. Workers and journal.",
    ),
    lines(
        "Oldest change, of all", "s", {"oldest": latest("muster_journal_oldest_seconds")}, steps=high(5, 60),
        tells="How long the oldest operation of any list has waited.",
        act="When low while this list has not changed: its provider sends nothing, or is refused.",
    ),
    lines(
        "Quiet or at risk, of all", "short", {
            "quiet": latest("muster_connections_quiet"), "at risk": latest("muster_connections_at_risk"),
        }, steps=SOME,
        tells="Connections whose burst is overdue, and those whose last bursts failed for the most part.",
        act="When above zero: the list's Sync tab says whether it is one of them.",
    ),
    ranking(
        "Lists with the most to apply", "short", "{{list}}", "topk(10, max by (list) (muster_list_pending))",
        tells="The ten lists with the most that waits for a worker, of those that are shown.",
        act="When one leads by far: its provider has sent a burst, and lanes keep it from holding up the others; or a"
        " lock holds it up, and `muster backlog` names whose.",
    ),
    ranking(
        "Lists that have been still the longest", "s", "{{list}}",
        f"topk(10, time() - (max by (list) ({SUCCESS}) > 0))",
        tells="The ten lists whose last applied change is the longest ago.",
        act="When one should be busy: its provider's provisioning job, and its token.",
    ),
]  # fmt: skip

BOARD = Board(
    "one-list",
    "One list",
    "Why one list lags: is it alone, or does everything? Lists are shown where MUSTER_LIST_METRICS says for how many.",
    [Row("This list", THIS), Row("Everything", EVERYTHING)],
    [label_values("list", "List", "muster_list_pending", "`muster list list` tells which id is whose.")],
)
