"""Many callers, one transaction: whoever arrives while a transaction is in flight shares the next one."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Generic

from ingress import greenlets
from ingress.slots import LOCK_TIMEOUT, Answer, Ask, Caller, Run, Slot, everybody, fail
from ingress.waiting import Waiting
from models import database
from models.errors import Unavailable
from ops import metrics

LATE = 0.005  # seconds
# So many of a batch are one party's while another was there within so many seconds: turns of the event loop, and what
# PostgreSQL does at once, become as short as they are without a flood. Another list's p50 and p99 were 75 and 163 ms
# beside 1,000 connections with 128, 38 and 99 with 32, 22 and 61 with 16; 64 connections got no fewer answers.
CROWD, COMPANY = 16, 1.0
MOST_APART = 8  # that wait there: more would wait for longer than their IdPs do
SHARE = 32  # of the queue, one of so many, and one batch at least, is a list's: the rest is for others
# A batch's joins start from its own keys: index lookups, whatever the statistics say of tables that are filling up.
# They are planned once: planning cost more than all the rest (0.66 ms a look-up, now 0.25). The time-out: an IdP has
# given up long before.
OPTIONS = (
    "-c statement_timeout=10000 -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
    " -c plan_cache_mode=force_generic_plan"
)


class Shed(Unavailable):
    """Too many wait already: nothing was begun."""


class Batches(Generic[Ask, Answer]):
    """Runs `run(connection, asks)` for everyone who waits, in `slots` transactions at once.

    It returns an answer an ask and what to do once the callers have them. A batch has at most `most` asks; `options`
    are those of its connections. With `beside` it is carried out in threads, for what would hold the event loop up.
    With `apart`, batches that do the same beside, an ask that needs what another transaction has locked goes there;
    `of` tells whose an ask is, so that others' are not taken for the one that waits, and each has its share of the
    queue and of every batch. Of three slots or more nobody has the last one: a flood's batches take their time, and
    whoever comes beside it waits for none of them.

    A lone request never waits for company: where no batch is in flight the next one begins at once. A second one begins
    when as many wait as the first has (two of 32 cost half of eight of 8), or when somebody has waited for `LATE`.
    More than one, because with one a slow disk makes every second request wait for two commits.
    """

    def __init__(
        self,
        name: str,
        database_url: str,
        run: Run[Ask, Answer],
        *,
        slots: int,
        most: int,
        queue_limit: int,
        options: str = OPTIONS,
        beside: bool = False,
        apart: "Batches[Ask, Answer] | None" = None,
        of: Callable[[Ask], object] | None = None,
    ) -> None:
        self._name, self._most, self._queue_limit = name, most, queue_limit
        self._share = queue_limit if of is None else min(queue_limit, max(most, queue_limit // SHARE))
        self._threads = ThreadPoolExecutor(slots, name) if beside else None
        connect = partial(database.connect, kind=database.Bounded) if beside else greenlets.connect
        chosen = options if apart is None else f"{options} -c lock_timeout={LOCK_TIMEOUT}"
        opened = partial(connect, database_url, f"muster-{name}", options=chosen)
        hand_over = apart._take_late if apart is not None else None
        self._of = of or everybody
        self._slots = tuple(Slot(name, opened, run, hand_over, self._of, self._away) for _ in range(slots))
        self._free = list(self._slots)
        self._waiting: Waiting[Ask, Answer] = Waiting(self._of)
        self._in_flight: dict[Slot[Ask, Answer], int] = {}  # how many each serves
        self._whose: dict[Slot[Ask, Answer], Iterable[object]] = {}  # of which parties
        self._share_of_slots = slots - 1 if of is not None and slots > 2 else slots
        self._batches: Counter[object] = Counter()  # in flight, by party
        self._barred: set[object] = set()  # parties that have their share of the slots
        self._latest: object = None  # whose request came last
        self._company = 0.0  # until when it has company
        self._timer: asyncio.TimerHandle | None = None
        self._length = metrics.QUEUE_LENGTH.labels(name)
        self._busy = metrics.SLOTS_BUSY.labels(name)
        self._stopping = False

    def start(self) -> None:
        """Tell what there is; slots connect when they are needed."""
        metrics.SLOTS.labels(self._name).set(len(self._slots))

    async def stop(self) -> None:
        """Finish what waits, then give the connections up."""
        self._stopping = True
        while self._in_flight or self._waiting:
            await asyncio.sleep(0.005)
        for slot in self._slots:
            slot.close()
        if self._threads is not None:
            self._threads.shutdown()

    async def submit(self, ask: Ask) -> Answer:
        """The answer to one ask. A caller that is cancelled does not cancel its change."""
        full = len(self._waiting) >= self._queue_limit or self._waiting.of_party(ask) >= self._share
        if full or self._stopping:
            metrics.QUEUE_SHED.inc()
            raise Shed("too many requests are waiting: try again in a second")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._take_over(Caller(ask, future))
        return await future

    def _take_over(self, caller: Caller[Ask, Answer]) -> None:
        self._waiting.add(caller)
        party = self._of(caller.ask)
        if party != self._latest:
            if self._latest is not None:
                self._company = asyncio.get_running_loop().time() + COMPANY
            self._latest = party
        if not len(self._waiting) % 8:
            # Between two batches as well, and not at every request: a gauge's value costs 1.5 µs.
            self._length.set(len(self._waiting))
        self._look()

    def _take_late(self, caller: Caller[Ask, Answer]) -> bool:
        """Take somebody over who has waited elsewhere, if there is room."""
        has_room = len(self._waiting) < MOST_APART
        if has_room:
            self._take_over(caller)
        return has_room

    def _look(self, late: bool = False) -> None:
        """Begin a batch if there is a slot for it and it is time."""
        ready = self._waiting.ready(self._barred)
        if not self._free or not ready:
            return
        if late or ready >= min(self._in_flight.values(), default=0):
            slot = self._free.pop()
            self._in_flight[slot] = self._most  # until it is known
            # It begins after the requests that came together with this one: they share its batch.
            asyncio.get_running_loop().call_soon(self._begin, slot)
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LATE, self._look_late)

    def _look_late(self) -> None:
        self._timer = None
        self._look(late=True)

    def _begin(self, slot: "Slot[Ask, Answer]") -> None:
        accompanied = asyncio.get_running_loop().time() < self._company
        taken = self._waiting.take(self._most, self._barred, CROWD if accompanied else self._most)
        callers = [caller for party in taken.values() for caller in party]
        self._whose[slot] = taken.keys()
        self._batches.update(taken.keys())
        self._bar(taken.keys())
        if not callers:  # the batch before took all of them
            return self._end(slot)
        self._in_flight[slot] = len(callers)
        self._length.set(len(self._waiting))
        self._busy.inc()
        done = partial(self._done, slot)
        if self._threads is None:
            return greenlets.start(partial(slot.serve, callers), done)
        served = asyncio.get_running_loop().run_in_executor(self._threads, slot.serve, callers)
        return served.add_done_callback(lambda _: done())

    def _away(self, error: Exception) -> None:
        """There is no database: whoever waits is told together with those who have found out, or each batch of them
        would wait for a connection anew."""
        for callers in self._waiting.take(len(self._waiting)).values():
            fail(callers, error)

    def _done(self, slot: "Slot[Ask, Answer]") -> None:
        self._busy.dec()
        self._end(slot)

    def _end(self, slot: "Slot[Ask, Answer]") -> None:
        del self._in_flight[slot]
        whose = self._whose.pop(slot)
        self._batches -= Counter(whose)
        self._bar(whose)
        self._free.append(slot)
        self._look()

    def _bar(self, parties: Iterable[object]) -> None:
        """Bar those who have their share of the slots, and nobody else."""
        for party in parties:
            if self._batches[party] >= self._share_of_slots:
                self._barred.add(party)
            else:
                self._barred.discard(party)
