"""PostgreSQL, Valkey and the disks below them."""

from ops.dashboards.board import Board, Row
from ops.dashboards.panels import ANY, SOME, high, lines, number, ranking, stack, state
from ops.dashboards.queries import latest, latest_rate, lowest

USED, MOST = latest("muster_postgres_connections_used"), latest("muster_postgres_connections_max")
DEAD, LIVE = latest("muster_postgres_dead_rows", "table"), latest("muster_postgres_live_rows", "table")
FREE, DISK = latest("muster_disk_free_bytes", "folder"), latest("muster_disk_bytes", "folder")

POSTGRES = [
    state(
        "PostgreSQL", lowest("muster_database_up"), tells="Whether every process reaches it.",
        act="When down: nothing is accepted, and IdPs get 503 and try again. `muster doctor` tells what is wrong.",
    ),
    number(
        "Connections taken", "percentunit", f"{USED} / {MOST}", steps=high(0.7, 0.9),
        tells="Of those that the server allows, whoever has them.",
        act="When high: fewer processes, a higher max_connections, or a pooler in between.",
    ),
    number(
        "Locks waiting", "short", latest("muster_postgres_locks_waiting"), steps=high(5, 50),
        tells="Locks that somebody waits for at this moment.",
        act="When it stays up or comes again and again (workers wait for a second at most): `muster backlog` names whom"
        " they wait for; often a migration or a long transaction. The runbook MusterTransactionOpen ends it.",
    ),
    number(
        "Oldest transaction", "s", latest("muster_postgres_oldest_transaction_seconds"), steps=high(60, 600),
        tells="Nothing younger than it can be vacuumed, and tables grow.",
        act="When high: somebody's open session; the runbook MusterTransactionOpen shows whose, and who may end it.",
    ),
    number(
        "Deadlocks", "short", "max(increase(muster_postgres_deadlocks_total[$__range]))", steps=SOME,
        tells="Deadlocks in the time shown. Each is tried again at once.",
        act="When there are many: somebody else locks the same rows in another order.",
    ),
    number(
        "Size", "bytes", latest("muster_postgres_database_bytes"), tells="Size of the database.",
        act="When it grows faster than people and log do: *Sizes of tables* tells which, *Dead rows* why.",
    ),
    number(
        "Dead rows of the journal", "short", latest("muster_postgres_dead_rows", where='table="journal"'),
        steps=high(200_000, 2_000_000), tells="Rows that are applied and wait for a vacuum: the journal's bloat.",
        act="When it only grows: *Oldest transaction* keeps vacuum from them, or autovacuum is too slow.",
    ),
    number(
        "Rollbacks", "ops", latest_rate("muster_postgres_rollbacks_total"), steps=high(5, 50),
        tells="Transactions rolled back, a second.", act="When high: the logs of ingress and workers have the errors.",
    ),
    stack(
        "Connections by process", "short", "{{application}}",
        "sum by (application) (max by (application, state) (muster_postgres_connections))",
        tells="Connections of Muster's own processes, by application name.",
        act="When one grows: more processes than were meant, or connections that nobody closes.",
    ),
    lines(
        "Connections by state", "short", {
            "{{state}}": "sum by (state) (max by (application, state) (muster_postgres_connections))",
            "all, of anybody": USED, "allowed": MOST,
        }, tells="What Muster's connections do, how many anybody has, and how many are allowed.",
        act="When `idle in transaction` stays up: a process hangs in the middle of something.",
    ),
    lines(
        "Transactions", "ops", {
            "commits": latest_rate("muster_postgres_commits_total"),
            "rollbacks": latest_rate("muster_postgres_rollbacks_total"),
        }, tells="Transactions a second in this database.",
        act="When commits fall while requests do not: a lock or the disk holds them up.",
    ),
    lines(
        "Locks waiting, over time", "short", {"waiting": latest("muster_postgres_locks_waiting")}, steps=high(5, 50),
        tells="Locks that somebody waits for.", act="When it rises with *Oldest transaction*: that one holds them.",
    ),
    lines(
        "Oldest transaction, over time", "s", {"oldest": latest("muster_postgres_oldest_transaction_seconds")},
        steps=high(60, 600), tells="The age of the oldest open transaction in this database.",
        act="When a straight line up: a session that nobody ends; nothing younger is vacuumed meanwhile.",
    ),
    lines(
        "Write-ahead log", "Bps", {"written": latest_rate("muster_postgres_wal_bytes_total")},
        tells="Bytes a second: what the disk, the replicas and the backups have to take.",
        act="When far above the usual: a burst, a remapping, or a vacuum of a large table.",
    ),
    stack(
        "Sizes of tables", "bytes", "{{table}}", latest("muster_postgres_table_bytes", "table"),
        tells="With their indexes and partitions.",
        act="When the journal grows while few wait: dead rows. The log: its retention is long, or traffic has grown.",
    ),
    lines(
        "Dead rows", "percentunit", {"{{table}}": f"{DEAD} / clamp_min({DEAD} + {LIVE}, 1)"},
        tells="Rows that wait for a vacuum, as a share. The journal's is high by nature: its rows are short-lived.",
        act="When a large table's is above a third: autovacuum does not keep up, or the oldest transaction is old.",
    ),
    stack(
        "Live rows", "short", "{{table}}", LIVE, tells="Rows of the large tables, estimated.",
        act="When the log outgrows the rest: each list says for how many days it keeps its own (Sync tab).",
    ),
]  # fmt: skip

VALKEY = [
    state(
        "Valkey", lowest("muster_redis_up"), width=6, tells="Whether every process reaches Redis or Valkey.",
        act="When down: changes are accepted and applied by the sweep, a few seconds late. Start it; nothing is lost.",
    ),
    number(
        "Lanes rung", "short", latest("muster_lanes_rung"), steps=high(500, 5_000), width=6,
        tells="Lanes that a drain will take.", act="When it stays up: workers are too few, or none runs.",
    ),
    number(
        "Keys evicted", "short", "max(increase(muster_redis_evicted_keys_total[$__range]))", steps=ANY,
        width=6, tells="Keys given up for want of memory in the time shown: none must be.",
        act="When above zero: set maxmemory-policy to noeviction, and give it more memory.",
    ),
    number(
        "Clients", "short", latest("muster_redis_clients"), steps=high(1_000, 5_000), width=6,
        tells="Connections to it.",
        act="When it only grows: somebody opens connections and does not close them; CLIENT LIST tells who.",
    ),
    lines(
        "Memory", "bytes", {
            "used": latest("muster_redis_memory_bytes"),
            "allowed (0: no limit)": latest("muster_redis_memory_max_bytes"),
        }, tells="What it uses, and what it may use. Muster needs a few megabytes.",
        act="When it grows: another application shares it, or dead messages pile up.",
    ),
    lines(
        "Commands", "ops", {"commands": latest_rate("muster_redis_commands_total")},
        tells="Commands a second, whoever sends them.",
        act="When far above the requests: another application shares it.",
    ),
    lines(
        "Queued messages", "short", {"{{queue}} {{state}}": latest("muster_queued_messages", "queue, state")},
        tells="Messages of the workers' queues.", act="When `dead` is above zero: the workers' log has the last error.",
    ),
]  # fmt: skip

DISKS = [
    lines(
        "Free space", "percentunit", {"{{folder}}": f"{FREE} / {DISK}"}, width=12,
        tells="Of the disks of the folders in MUSTER_WATCH_DISKS.",
        act="Below 10 %: make room now. PostgreSQL stops when its disk is full, and everything with it.",
    ),
    ranking(
        "Free bytes", "bytes", "{{folder}}", FREE, tells="The same in bytes.",
        act="Compare with how fast *Write-ahead log* and *Size* grow: so much time is left.",
    ),
]  # fmt: skip

BOARD = Board(
    "servers",
    "Postgres and Valkey",
    "The database that holds everything, the doorbell beside it, and the disks below.",
    [Row("PostgreSQL", POSTGRES), Row("Valkey", VALKEY), Row("Disks", DISKS)],
)
