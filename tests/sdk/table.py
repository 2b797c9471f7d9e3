"""The table of SDKs in docs/providers.md: made from results/*.json, which runs have written, and from nothing else.

An SDK that a preset names but that has no results stands there as never run.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
RESULTS = HERE / "results"
PAGE = REPOSITORY / "docs/providers.md"
BEGIN, END = "<!-- table: written by tests/sdk/matrix --record -->", "<!-- end of table -->"
COLUMNS = {
    "submit": "submit",
    "poll": "poll",
    "result": "result",
    "cancel": "cancel",
    "list": "list",
    "wrong-token": "wrong token",
    "other-user": "other user",
    "organization": "organization",
    "named": "named",
    "no-caller-token-upstream": "↑ clean",
    "no-provider-token-downstream": "↓ clean",
}


def read(file: Path) -> dict | None:
    return json.loads(file.read_text()) if file.is_file() else None


def keep(result: dict):
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{result['sdk']}.json").write_text(json.dumps(result, indent=2) + "\n")


def differs(result: dict) -> bool:
    """Whether the table would say something else, dates aside."""
    kept = read(RESULTS / f"{result['sdk']}.json") or {}
    return any(kept.get(name) != result[name] for name in ("version", "way", "shown", "cannot", "remarks"))


def write():
    head, _, rest = PAGE.read_text().partition(BEGIN)
    _, end, tail = rest.partition(END)
    assert end, f"{PAGE} has lost its markers"
    PAGE.write_text(f"{head}{BEGIN}\n{_table()}{END}{tail}")


def _table() -> str:
    results = {
        (result["distribution"], result["version"]): result for result in map(read, sorted(RESULTS.glob("*.json")))
    }
    notes: list[str] = []
    lines = [
        f"| provider | SDK | way in | {' | '.join(COLUMNS.values())} | last run |",
        f"|---|---|---|{':-:|' * len(COLUMNS)}---|",
    ]
    for provider, distribution, version in _named_by_presets():
        result = results.pop((distribution, version), None)
        lines.append(_row(provider, result, notes) if result else _never_run(provider, distribution, version))
    for result in results.values():
        lines.append(_row(result["provider"], result, notes))
    below = [f"{number}. {note}" for number, note in enumerate(notes, 1)]
    return "\n".join([*lines, *([""] if below else []), *below, ""])


def _row(provider: str, result: dict, notes: list[str]) -> str:
    cells = [_cell(result, thing, notes) for thing in COLUMNS]
    sdk = f"{result['distribution']} {result['version']}"
    return f"| `{provider}` | {sdk} | {result['way']} | {' | '.join(cells)} | {result['date']} |"


def _cell(result: dict, thing: str, notes: list[str]) -> str:
    match result["shown"].get(thing):
        case "passed":
            return "✓" + _note(result["remarks"].get(thing), notes)
        case "failed":
            return "✗"
    if thing == "named" and result["shown"].get("pinned") == "passed":
        return "pinned"
    reason = result["cannot"].get(thing)
    return "–" + _note(reason, notes) if reason else "?"


def _note(text: str | None, notes: list[str]) -> str:
    """A mark that points at the text below the table, which stands there once however many cells point at it."""
    if text is None:
        return ""
    if text not in notes:
        notes.append(text)
    return f"<sup>{notes.index(text) + 1}</sup>"


def _never_run(provider: str, distribution: str, version: str) -> str:
    return f"| `{provider}` | {distribution} {version} | {'| ' * (len(COLUMNS) + 1)}| never run |"


def _named_by_presets() -> Iterator[tuple[str, str, str]]:
    """Provider, distribution and version of each entry under `sdks:`, read by its form: there is no YAML parser here.

    Of two generations of one distribution, the older is named with its number: `qiskit-aqt-provider-1`.
    """
    for file in sorted((REPOSITORY / "config/providers").glob("*.yaml")):
        sdks = file.read_text().partition("\nsdks:\n")[2]
        for name, version in re.findall(r"^  - name: (\S+)\n    version: (\S+)$", sdks, re.MULTILINE):
            version = version.strip("\"'")
            yield file.stem, name.removesuffix(f"-{version.partition('.')[0]}"), version
