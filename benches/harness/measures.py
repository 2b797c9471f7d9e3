"""What is measured, in which order, and what each figure is held to.

Proxies that are compared run side by side and are visited in turn, in another order each round, so that whatever else
the machine is doing falls on all of them. A measure says its name, its words in the table and its aim.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import NamedTuple

from harness import load
from harness.load import COPY, GET, POLL, POST, SUBMIT, Callers, Request
from harness.people import People
from harness.proxies import Bellhop, Nginx, Proxy
from harness.stage import PLAIN, TLS_BOTH, TLS_IN, TLS_UP, Stage, Way

FEW = 1_000
CACHED = 100_000  # callers in the cache
HELD = 1_000  # connections


class Cost(NamedTuple):
    """CPU for one request or one mebibyte."""

    name: str
    title: str
    way: Way
    cost: Callable[[Proxy, int], dict]
    aim: float | None = None  # as a multiple of nginx's


def _of(request: Request) -> Callable[[Proxy, int], dict]:
    return lambda proxy, seconds: load.requests(proxy, request, Callers(FEW), seconds)


REQUESTS = [
    Cost("post-plain", "POST, plain → plain", PLAIN, _of(POST), 1.25),
    Cost("get-plain", "GET, plain → plain", PLAIN, _of(GET), 1.25),
    Cost("post-tls-up", "POST, plain → TLS", TLS_UP, _of(POST), 1.0),
    Cost("get-tls-up", "GET, plain → TLS", TLS_UP, _of(GET), 1.0),
    Cost("post-tls-both", "POST, TLS → TLS", TLS_BOTH, _of(POST), 1.0),
    Cost("get-tls-both", "GET, TLS → TLS", TLS_BOTH, _of(GET), 1.0),
    Cost("get-tls-anew", "GET on a new TLS connection, TLS → plain", TLS_IN, load.new_connections, 0.65),
]
TRANSFERS = [
    Cost("upload", "1 MiB up, TLS → TLS", TLS_BOTH, load.uploads, 0.8),
    Cost("download", "1 MiB down, TLS → TLS", TLS_BOTH, load.downloads, 0.8),
]


class OnRecord(NamedTuple):
    """What the record of jobs costs. One caller polls one job, so that all that differs is the record."""

    name: str
    title: str
    request: Request
    callers: int


ON_RECORD = [
    OnRecord("poll-plain", "GET, nothing on record", GET, 1),
    OnRecord("poll-recorded", "GET of a job on record", POLL, 1),
    OnRecord("submit", "POST that goes on record before it is sent, and its job before it is answered", SUBMIT, FEW),
]


class Memory(NamedTuple):
    """Memory with many connections."""

    name: str
    title: str
    way: Way


MEMORY = [Memory("memory-plain", "plain → plain", PLAIN), Memory("memory-tls", "TLS → TLS", TLS_BOTH)]


class Population(NamedTuple):
    """CPU per GET when this many of this many users call. `None` stands for as many as the run has."""

    name: str
    callers: int
    users: int | None


POPULATIONS = [
    Population("few-of-few", FEW, FEW),
    Population("few-of-many", FEW, None),
    Population("many-of-many", CACHED, None),
]


class Plan(NamedTuple):
    rounds: int
    seconds: int
    users: int
    proxies: list[type[Proxy]]


Rows = Iterator[dict]


def costs(stage: Stage, plan: Plan, measures: list[Cost]) -> Rows:
    people = People(stage.folder, FEW)
    Bellhop.apply(stage, people)
    for way in dict.fromkeys(measure.way for measure in measures):
        with ExitStack() as running:
            proxies = [_running(running, kind(stage, way, people)) for kind in plan.proxies]
            for proxy in proxies:
                load.requests(proxy, GET, Callers(FEW), 1)  # connections and caches are there from now on
            for measure in measures:
                if measure.way == way:
                    for number, proxy in _rounds(plan, proxies):
                        yield _row(measure.name, proxy, number, **measure.cost(proxy, plan.seconds))


def jobs(stage: Stage, plan: Plan) -> Rows:
    people = People(stage.folder, FEW)
    Bellhop.apply(stage, people)
    with ExitStack() as running:
        proxy = _running(running, Bellhop(stage, PLAIN, people))
        load.requests(proxy, COPY, Callers(1), 1)  # the job that is polled goes on record
        for number, measure in _rounds(plan, ON_RECORD):
            figures = load.requests(proxy, measure.request, Callers(measure.callers), plan.seconds)
            yield _row(measure.name, proxy, number, **figures)


def memory(stage: Stage, plan: Plan) -> Rows:
    people = People(stage.folder, HELD)
    Bellhop.apply(stage, people)
    for measure in MEMORY:
        for number, kind in _rounds(plan, plan.proxies):
            with ExitStack() as running:  # anew each time: what it has been given once, it may keep
                proxy = _running(running, kind(stage, measure.way, people))
                yield _row(measure.name, proxy, number, **load.memory(proxy, HELD))


def users(stage: Stage, plan: Plan) -> Rows:
    few, many = People(stage.folder, FEW), People(stage.folder, plan.users)
    Bellhop.apply(stage, few)
    many.state()  # written before the clock runs
    yield {"measure": "apply", "users": many.count, "seconds": Bellhop.apply(stage, many)}
    with ExitStack() as running:
        visits = []
        for people in (few, many):
            for kind in plan.proxies:
                proxy = _running(running, kind(stage, PLAIN, people))
                if people is many and kind is Bellhop:
                    yield _cached_caller(proxy)
                else:
                    load.each_once(proxy, _spread(CACHED, people))
                which = [population for population in POPULATIONS if (population.users == FEW) == (people is few)]
                visits += [(population, proxy) for population in which]
        for number, (population, proxy) in _rounds(plan, visits):
            callers = _spread(population.callers, proxy.people)
            figures = load.requests(proxy, GET, callers, plan.seconds)
            yield _row(population.name, proxy, number, users=proxy.people.count, callers=callers.count, **figures)


def _cached_caller(proxy: Bellhop) -> dict:
    """Lets all callers make themselves known, and says how much memory one of them takes.

    The first half also fills what does not grow with callers, such as the store's pages; so the second is measured.
    """
    callers = _spread(CACHED, proxy.people)
    half = callers._replace(count=callers.count // 2)
    load.each_once(proxy, half)
    before = proxy.process.memory_mib()
    load.each_once(proxy, half._replace(first=half.count * half.step))
    grown = (proxy.process.memory_mib() - before) * 2**20
    return _row("cached-caller", proxy, 0, callers=callers.count, bytes=grown / half.count)


def _spread(count: int, people: People) -> Callers:
    """So many callers, evenly over all users, as far as there are so many."""
    count = min(count, people.count)
    return Callers(count, step=people.count // count)


def _running(stack: ExitStack, proxy: Proxy) -> Proxy:
    stack.callback(proxy.stop)
    return proxy


def _rounds(plan: Plan, visited: list) -> Iterator[tuple[int, object]]:
    for number in range(plan.rounds):
        first = number % len(visited)
        for one in visited[first:] + visited[:first]:
            yield number, one


def _row(measure: str, proxy: Proxy, number: int, **figures) -> dict:
    return {"measure": measure, "proxy": proxy.name, "round": number, **figures}


SECTIONS: dict[str, Callable[[Stage, Plan], Rows]] = {
    "requests": lambda stage, plan: costs(stage, plan, REQUESTS),
    "transfers": lambda stage, plan: costs(stage, plan, TRANSFERS),
    "jobs": jobs,
    "memory": memory,
    "users": users,
}
