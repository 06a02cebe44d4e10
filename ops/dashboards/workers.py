"""Whether what was accepted is applied, and what the workers' time goes into."""

from ops.dashboards.board import Board, Row
from ops.dashboards.objectives import ARRIVALS
from ops.dashboards.panels import ANY, SOME, heat, high, lines, number, stack
from ops.dashboards.queries import SHOWN, growth, latest, or_zero, quantile, quantiles, rate, sizes, total

PHASES = "muster_drain_phase_seconds"

JOURNAL = [
    number(
        "Not applied yet", "short", latest("muster_journal_pending"), width=4,
        tells="Accepted operations that wait for a worker.",
        act="A burst makes thousands, and that is fine while *Oldest* stays low.",
    ),
    number(
        "Oldest", "s", latest("muster_journal_oldest_seconds"), steps=high(5, 60), width=4,
        tells="How long the oldest of them has waited: what workers are scaled by.",
        act="When high: no worker runs, they are too few, or a lock holds one list up: *Locks waiting* (Postgres and"
        " Valkey). `muster backlog` tells which list, and who blocks it.",
    ),
    number(
        "Waiting", "short", latest("muster_waiting"), steps=SOME, width=4,
        tells="Users and people whose last operation waits for a reason of its own, such as a duplicate identifier.",
        act="When it grows: the lists' logs, filtered by *Waiting*, have the reasons.",
    ),
    number(
        "Set aside", "short", latest("muster_set_aside"), steps=ANY, width=4,
        tells="Rows that no drain could apply and nobody has retried.",
        act="When above zero: the log has `row_set_aside` with the reason. Mend it, then retry.",
    ),
    number(
        "Set aside, in the time shown", "short", growth("muster_rows_set_aside_total", over=SHOWN), steps=ANY, width=4,
        tells="Rows that were set aside, whether or not they have been retried since.",
        act="When above zero: a defect of ours, or a value that nobody expected; the log has it.",
    ),
    number(
        "Oldest held deactivation", "s", latest("muster_held_oldest_seconds"), steps=high(14_400, 86_400), width=4,
        tells="How long the guard has held the oldest deactivation.",
        act="When high: nobody has looked at *Held deactivations*; who has left still has what the list gives.",
    ),
    lines(
        "Journal", "short", {"not applied yet": latest("muster_journal_pending")},
        tells="Accepted operations that wait for a worker, over time.",
        act="When it only grows: workers are slower than what is sent; more processes, or find the slow phase below.",
    ),
    lines(
        "Oldest over time", "s", {"oldest": latest("muster_journal_oldest_seconds")}, steps=high(5, 60),
        tells="The age of the oldest operation that waits.",
        act="When a straight line up: nothing is applied at all, or one list stands still behind a lock: *Locks"
        " waiting* (Postgres and Valkey), `muster backlog`. Saw teeth of a few seconds: the bell is not heard.",
    ),
    lines(
        "Processes and threads", "short", {
            "processes": total("muster_processes", where='kind="workers"'),
            "threads": total("muster_worker_threads"),
        }, tells="Worker processes that live, and their threads: so many drains can run at once.",
        act="When it drops: the log of the machine or container that lost one, or the scaler has taken it away.",
    ),
    lines(
        "Lanes", "short", {"rung": latest("muster_lanes_rung"), "busy": total("muster_lanes_busy")},
        tells="Lanes that a drain will take, and lanes that drains hold at this moment.",
        act="When many are rung and few busy: more worker processes. None rung while rows wait: Valkey is away.",
    ),
]  # fmt: skip

APPLIED = [
    stack(
        "Applied, by operation", "ops", "{{operation}}", rate("muster_events_settled_total", "operation"),
        tells="Operations applied or logged, a second.",
        act="When zero while the journal has rows: no worker drains; are they running, do they reach the database?",
    ),
    stack(
        "Applied, by result", "ops", "{{result}}", rate("muster_events_settled_total", "result"),
        tells="What became of them: applied, waiting, rejected …",
        act="When `waiting` or `rejected` grow: a mapping or a unique identifier does not fit what is sent.",
    ),
    lines(
        "Time to the list", "s", quantiles(ARRIVALS), steps=high(5, 60),
        tells="From the acceptance of an operation to the list.",
        act="When high: did it wait (*Oldest*), or does a drain take long (below)?",
    ),
    heat(
        "Times to the list", "s", growth(f"{ARRIVALS}_bucket", "le"), width=24,
        tells="How the times to the list are spread.",
        act="When a second band shows at two seconds: bells are not heard, and the sweep does the work.",
    ),
]  # fmt: skip

DRAINS = [
    lines(
        "Drains", "ops", {"drains": rate("muster_drain_seconds_count")}, width=6,
        tells="Drains a second that found something.",
        act="When many with a row each: traffic trickles, and that is fine.",
    ),
    lines(
        "Rows in a drain", "short", sizes("muster_drain_rows"), width=6,
        tells="Journal rows that one drain settled, 500 at most.",
        act="When at 500 all the time: more worker processes.",
    ),
    lines(
        "Time of a drain", "s", quantiles("muster_drain_seconds"), steps=high(1, 5), width=6,
        tells="One drain with its commit.", act="When high: which phase (beside), and does the database have locks?",
    ),
    stack(
        "Where a drain's time goes", "percentunit", "{{phase}}",
        f"{rate(f'{PHASES}_sum', 'phase')} / ignoring (phase) group_left () {rate(f'{PHASES}_sum')}", width=6,
        tells="Shares of the phases: claim (locks and rows), read, apply (project and match), write, commit.",
        act="When `commit` leads: the disk. `read` or `write`: the database. `apply`: our own code.",
    ),
    lines(
        "The slowest of a hundred, by phase", "s", {"{{phase}}": quantile(0.99, PHASES, "phase")}, width=12,
        steps=high(0.5, 5), tells="The time that 99 of 100 drains stay below in each phase.",
        act="When one rises alone: that phase is what has changed.",
    ),
    stack(
        "Drains that failed, by reason", "ops", "{{reason}}", rate("muster_drains_failed_total", "reason"), width=12,
        tells="Drains that were rolled back, a second; they are tried again in parts, and by the sweep.",
        act="When `lock`: somebody holds rows of a list: *Locks waiting* (Postgres and Valkey); the runbook"
        " MusterTransactionOpen ends it. `lost`, `timeout`: the database. `other`: the log has `drain_failed`.",
    ),
]  # fmt: skip

MESSAGES = [
    stack(
        "Messages, by actor", "ops", "{{actor}}", rate("muster_messages_total", "actor"),
        tells="Messages of the workers' queues. `drain` is a nudge to look at the lanes that are rung.",
        act="When `drain` is zero while lanes are rung: workers do not read their queue.",
    ),
    lines(
        "Messages that did not get done", "ops", {
            name: or_zero(rate("muster_messages_total", where=f'outcome="{name}"'))
            for name in ("failed", "skipped", "dead")
        }, steps=high(0.01, 1), tells="Failed tries (each is tried again), messages that were too old, dead ones.",
        act="When above zero: the workers' log has the error. Changes are not lost by it: the sweep rings again."
        " A drain whose rows somebody holds counts as done: *Drains that failed, by reason*.",
    ),
    lines(
        "Time of a message", "s", {"{{actor}}": quantile(0.95, "muster_message_seconds", "actor")}, steps=high(5, 10),
        tells="What 95 of 100 messages of an actor stay below.",
        act="When `drain` is high: *Time of a drain*. Others (`forget`, `remap`) work in slices of about a second.",
    ),
    lines(
        "Queued", "short", {"{{queue}} {{state}}": latest("muster_queued_messages", "queue, state")}, width=12,
        tells="Messages that are ready, delayed (to be tried again) or dead. `lanes` has two at most, by design.",
        act="When `jobs` ready stays up: more worker processes. Dead ones: see the log, then remove them.",
    ),
    lines(
        "Passes of the sweep that failed", "ops", {"failed": rate("muster_sweep_failures_total")}, width=12,
        steps=high(0.01, 1), tells="The sweep finds what no drain does, once a second. One that fails is begun anew.",
        act="When above zero while the database is up: the log has `sweep_failed` with the error (MusterSweepFails).",
    ),
]  # fmt: skip

DIRECTORY = [
    number(
        "Synced lists", "short", latest("muster_syncs"), width=8,
        tells="Lists that are connected to Directory Sync.", act="When zero: the other panels of this row say nothing.",
    ),
    number(
        "Failing", "short", latest("muster_syncs_failing"), steps=SOME, width=8,
        tells="Those of them whose last run failed.",
        act="When above zero: `muster sync runs` has the reason; the runbook MusterSyncFailing has the query for all.",
    ),
    number(
        "Overdue", "s", latest("muster_syncs_overdue_seconds"), steps=high(60, 900), width=8,
        tells="How long the most overdue scheduled run has waited to be begun.",
        act="When it grows: no sweep works (*Passes of the sweep that failed*), see MusterSyncOverdue.",
    ),
    lines(
        "Runs, by outcome", "short", {"{{outcome}}": growth("muster_sync_runs_total", "outcome")},
        tells="Runs of Directory Sync that have ended: done, previewed, failed or ended (stopped, disconnected).",
        act="When `failed` rises: one list or many? Many at once are Microsoft's, or our way to it (below).",
    ),
    lines(
        "Time of a run", "s", quantiles("muster_sync_run_seconds"),
        tells="From a run's begin to its end, what Microsoft has it wait included.",
        act="When high: is everybody read anew, or does Microsoft slow us down (`429` below)? The run's page says.",
    ),
    stack(
        "Changes of runs, by outcome", "ops", "{{outcome}}", rate("muster_sync_changes_total", "outcome"),
        tells="Changes that runs had accepted, or refused, a second.",
        act="When `refused` rises: duplicate names or identifiers; the run's page has each with a sentence.",
    ),
    stack(
        "Requests to Graph, by status", "ops", "{{status}}", rate("muster_graph_requests_total", "status"), width=24,
        tells="Requests of workers and of the console to Microsoft Graph and its sign-in, a second.",
        act="When `429`: Microsoft is asked too much, and runs rest for as long as it says. `lost`: a firewall or DNS."
        " `4xx`: a secret or a permission; `muster directory test` says which.",
    ),
]  # fmt: skip

BOARD = Board(
    "workers",
    "Workers and journal",
    "Is what was accepted applied, how late, and what the workers' time goes into.",
    [
        Row("Journal", JOURNAL),
        Row("Applied", APPLIED),
        Row("Drains", DRAINS),
        Row("Messages", MESSAGES),
        Row("Directory Sync", DIRECTORY),
    ],
)
