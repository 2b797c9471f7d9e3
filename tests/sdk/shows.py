"""What a run shows about its SDK, written to a file from which `matrix` makes the table in docs/providers.md.

A thing counts as shown when a test that is marked with it has passed through Bellhop, and as failed when any such test
failed. `-k alone` shows nothing: it is about the stand-ins.
"""

import datetime
import importlib.metadata
import json
from pathlib import Path

import pytest

MARKED = ("submit", "poll", "result", "cancel", "list", "wrong-token", "other-user", "organization", "named")
# Seen by the harness in every test: complaints of the stand-in, and bytes that came back to the caller.
OBSERVED = ("pinned", "no-caller-token-upstream", "no-provider-token-downstream")
REQUIREMENTS = Path(__file__).parent / "requirements"


class Shown:
    def __init__(self):
        self.things: dict[str, str] = {}
        self.outcomes = {"passed": 0, "failed": 0}
        self.module = None

    def note(self, thing: str, passed: bool):
        if not passed or thing not in self.things:
            self.things[thing] = "passed" if passed else "failed"

    def result(self, sdk: str) -> dict:
        """`way` is how the SDK reaches Bellhop; `cannot` and `remarks` say why something is not, or how it is, shown."""
        distribution = _distribution(REQUIREMENTS / f"{sdk}.in")
        return {
            "sdk": sdk,
            "distribution": distribution,
            "version": importlib.metadata.version(distribution),
            "provider": self.module.STAND_IN.provider,
            "way": "port" if getattr(self.module, "DROPS_PATH", False) else "path",
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "shown": {thing: self.things[thing] for thing in (*MARKED, *OBSERVED) if thing in self.things},
            "cannot": getattr(self.module, "CANNOT", {}),
            "remarks": getattr(self.module, "REMARKS", {}),
            **self.outcomes,
        }


SHOWN = pytest.StashKey[Shown]()


def pytest_addoption(parser):
    parser.addoption("--sdk", help="the SDK under test, by the name of its requirements file")
    parser.addoption("--results", type=Path, help="where to write what this run has shown")


def pytest_configure(config):
    config.stash[SHOWN] = Shown()


def pytest_collection_modifyitems(config, items):
    for item in items:
        if hasattr(item.module, "STAND_IN"):
            config.stash[SHOWN].module = item.module
        for unknown in _marks(item) - set(MARKED):
            raise pytest.UsageError(f"{item.nodeid} shows {unknown!r}, which is none of {', '.join(MARKED)}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    shown = item.config.stash[SHOWN]
    if report.failed or (report.when == "call" and report.passed):
        shown.outcomes["failed" if report.failed else "passed"] += 1
        if report.failed or through_bellhop(item):
            for thing in _marks(item) | _shown_by_door(item):
                shown.note(thing, report.passed)
    return report


def pytest_sessionfinish(session):
    config = session.config
    if (file := config.getoption("results")) and config.stash[SHOWN].module:
        file.write_text(json.dumps(config.stash[SHOWN].result(config.getoption("sdk")), indent=2) + "\n")


def _distribution(requirements: Path) -> str:
    """The SDK itself, which is the first of its requirements."""
    first = next(line for line in requirements.read_text().splitlines() if not line.startswith("#"))
    return first.partition("==")[0].partition("[")[0]


def through_bellhop(item) -> bool:
    return "bellhop" in item.fixturenames or _door(item) not in (None, "alone")


def _marks(item) -> set[str]:
    return {thing for mark in item.iter_markers("shows") for thing in mark.args}


def _shown_by_door(item) -> set[str]:
    """Whoever submits through a door of another's has shown that this door works."""
    return {_door(item)} & {"organization", "named", "pinned"} if "submit" in _marks(item) else set()


def _door(item) -> str | None:
    return item.callspec.params.get("door") if hasattr(item, "callspec") else None
