"""The table: what the raw lines of one or several runs say, in markdown. What they do not say is `not measured yet`."""

from collections.abc import Callable
from statistics import median

from harness.measures import CACHED, FEW, HELD, MEMORY, ON_RECORD, REQUESTS, TRANSFERS, Cost

UNKNOWN = "not measured yet"
MANY = 1_000_000  # what the aims speak of; a run may have had fewer, and its table says so
STARTED_MIB, IDLE_MIB, STALLED_MIB = 40, 16, 128
MORE_ON_RECORD, SUBMITS = 1.10, 2_000
MORE_FOR_MANY, CALLER_BYTES, APPLY_SECONDS = 1.10, 600, 180


class Rows:
    """The raw lines, by measure, proxy and round."""

    def __init__(self, rows: list[dict]):
        self._rows = rows

    def of(self, measure: str, proxy: str) -> list[dict]:
        return [row for row in self._rows if (row["measure"], row.get("proxy", proxy)) == (measure, proxy)]

    def middle(self, measure: str, proxy: str, figure: Callable[[dict], float]) -> float | None:
        values = [figure(row) for row in self.of(measure, proxy)]
        return median(values) if values else None

    def ratios(self, measure: str, proxy: str, base_measure: str, base: str) -> list[float]:
        """CPU as a multiple of another's, within each round: what disturbed one will have disturbed the other."""
        bases = {(row["run"], row["round"]): row["cpu_us"] for row in self.of(base_measure, base)}
        pairs = [(row["cpu_us"], bases.get((row["run"], row["round"]))) for row in self.of(measure, proxy)]
        return [cost / base for cost, base in pairs if base]


def table(runs: list[dict], rows: list[dict]) -> str:
    """All tables, under a line for each run."""
    rows = Rows(rows)
    parts = ["\n\n".join(map(_run_line, runs)) or f"Measured on: {UNKNOWN}."]
    parts += [_costs("CPU for one request", REQUESTS, rows), _costs("CPU for one mebibyte", TRANSFERS, rows)]
    parts += [_jobs(rows), _memory(rows), _users(rows)]
    return "\n\n".join(parts)


def _run_line(run: dict) -> str:
    machine = f"{run['cpu']} ({run['cpus']} CPUs), {run['memory_gib']:g} GiB, {run['system']}, {run['kernel']}"
    programs = [f"Bellhop {run['bellhop']} ({run['commit']})"]
    programs += [f"{name} {run[name]}" for name in ("nginx", "wrk") if run[name]]
    how = f"Rounds: {run['rounds']}, of {run['seconds']} s each; load average before: {run['load_average']:.1f}"
    return f"Measured on {run['date']}: {machine}. {', '.join(programs)}. {how}."


def _costs(title: str, measures: list[Cost], rows: Rows) -> str:
    lines = []
    for measure in measures:
        cpu = [_micros(rows.middle(measure.name, proxy, _cpu)) for proxy in ("bellhop", "nginx")]
        ratio = _ratio(rows.ratios(measure.name, "bellhop", measure.name, "nginx"))
        lines.append([measure.title, *cpu, ratio, f"≤ {measure.aim:g}" if measure.aim else ""])
    return _markdown([title, "Bellhop", "nginx", "Bellhop ÷ nginx", "aim"], lines)


def _jobs(rows: Rows) -> str:
    aims = {"poll-recorded": f"≤ {MORE_ON_RECORD:g} × the first", "submit": f"≥ {SUBMITS:,} a second"}
    lines = []
    for measure in ON_RECORD:
        ratio = _ratio(rows.ratios(measure.name, "bellhop", ON_RECORD[0].name, "bellhop"))
        per_second = rows.middle(measure.name, "bellhop", lambda row: row["per_second"])
        cells = [_micros(rows.middle(measure.name, "bellhop", _cpu)), ratio, _unit(per_second, "")]
        lines.append([measure.title, *(cell.strip() for cell in cells), aims.get(measure.name, "")])
    return _markdown(["The record of jobs, on SQLite", "CPU for one", "÷ first", "a second", "aim"], lines)


def _memory(rows: Rows) -> str:
    figures: list[tuple[str, Callable[[dict], float], int]] = [
        ("started", lambda row: row["started_mib"], STARTED_MIB),
        (f"more for {HELD:,} idle connections", lambda row: row["idle_mib"] - row["started_mib"], IDLE_MIB),
        (f"with {HELD:,} readers that read nothing", lambda row: row["stalled_mib"], STALLED_MIB),
    ]
    lines = []
    for measure in MEMORY:
        for title, figure, aim in figures:
            mib = [_mib(rows.middle(measure.name, proxy, figure)) for proxy in ("bellhop", "nginx")]
            lines.append([f"{measure.title}, {title}", *mib, f"≤ {aim} MiB"])
    return _markdown(["Memory", "Bellhop", "nginx", "aim"], lines)


def _users(rows: Rows) -> str:
    known = rows.of("apply", "bellhop")
    many = known[0]["users"] if known else MANY
    cached = min(CACHED, many)
    populations = [
        ("few-of-few", f"GET, {FEW:,} users, all of them calling", ""),
        ("few-of-many", f"GET, {many:,} users, {FEW:,} of them calling", f"≤ {MORE_FOR_MANY:g}"),
        ("many-of-many", f"GET, {many:,} users, {cached:,} of them calling", f"≤ {MORE_FOR_MANY:g}"),
    ]
    lines = []
    for name, title, aim in populations:
        cells = []
        for proxy in ("bellhop", "nginx"):
            cells.append(_micros(rows.middle(name, proxy, _cpu)))
            cells.append("1" if not aim else _ratio(rows.ratios(name, proxy, "few-of-few", proxy)))
        lines.append([title, *cells, aim])
    caller = rows.middle("cached-caller", "bellhop", lambda row: row["bytes"])
    seconds = rows.middle("apply", "bellhop", lambda row: row["seconds"])
    others = [
        ["memory of a caller in the cache", _unit(caller, "bytes"), f"≤ {CALLER_BYTES} bytes"],
        [f"`bellhop apply` of {many:,} users", _unit(seconds, "s"), f"≤ {APPLY_SECONDS} s"],
    ]
    costs = _markdown(["CPU for one request", "Bellhop", "÷ first", "nginx", "÷ first", "aim"], lines)
    return costs + "\n\n" + _markdown(["Many users", "Bellhop", "aim"], others)


def _markdown(head: list[str], lines: list[list[str]]) -> str:
    rule = ["---"] + ["--:"] * (len(head) - 1)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, rule, *lines])


def _cpu(row: dict) -> float:
    return row["cpu_us"]


def _micros(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.1f} µs" if value < 100 else f"{value:,.0f} µs"


def _mib(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.1f} MiB"


def _unit(value: float | None, unit: str) -> str:
    return UNKNOWN if value is None else f"{value:,.0f} {unit}"


def _ratio(ratios: list[float]) -> str:
    """The middle one, and how far they spread."""
    if not ratios:
        return UNKNOWN
    return f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
