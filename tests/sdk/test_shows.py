"""What is said of an SDK is what its run has shown: no more, and nothing that failed once."""

import json

import pytest

import table

pytest_plugins = "pytester"

RUN = """
import pytest

class STAND_IN:
    provider = "fake"

CANNOT = {"list": "there is no call for it"}
REMARKS = {"submit": "slowly"}

@pytest.fixture
def bellhop():
    pass

@pytest.mark.shows("submit", "poll")
def test_one(bellhop):
    pass

@pytest.mark.shows("poll")
def test_two(bellhop):
    assert False

@pytest.mark.shows("result")
def test_three():
    "not through Bellhop"

@pytest.mark.shows("cancel")
@pytest.mark.skip
def test_four(bellhop):
    pass

@pytest.fixture
def spoilt():
    yield
    assert False

@pytest.mark.shows("other-user")
def test_five(bellhop, spoilt):
    pass

@pytest.mark.shows("submit")
@pytest.mark.parametrize("door", ["alone", "organization", "named"])
def test_six(door):
    assert door != "named"
"""


@pytest.fixture
def no_complaints():
    """No stand-in takes part."""


@pytest.fixture
def result(pytester):
    pytester.makepyfile(RUN)
    pytester.runpytest_inprocess("-p", "shows", "--sdk", "standins", "--results", "result.json")
    return json.loads((pytester.path / "result.json").read_text())


def test_one_failure_outweighs_what_passed_and_what_bypassed_bellhop_shows_nothing(result):
    assert result["shown"] == {
        "submit": "failed",  # one door did
        "poll": "failed",
        "other-user": "failed",  # at its end
        "organization": "passed",
        "named": "failed",
    }
    assert (result["provider"], result["distribution"], result["way"]) == ("fake", "pytest", "path")


def test_a_mark_that_the_table_does_not_know_is_a_mistake(pytester):
    pytester.makepyfile("import pytest\n@pytest.mark.shows('magic')\ndef test_one():\n    pass")
    run = pytester.runpytest_inprocess("-p", "shows", "--sdk", "standins")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["*shows 'magic', which is none of submit, *"])


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A place for results of its own, and a page to write."""
    monkeypatch.setattr(table, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(table, "PAGE", tmp_path / "page.md")
    table.PAGE.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    return table


def test_the_table_says_what_was_shown_and_what_was_never_run(result, kept):
    result["shown"] |= {"submit": "passed", "pinned": "passed"}
    del result["shown"]["named"]
    kept.keep(result)
    kept.write()
    page = kept.PAGE.read_text()
    cells = "path | ✓<sup>1</sup> | ✗ | ? | ? | –<sup>2</sup> | ? | ✗ | ✓ | pinned | ? | ?"
    assert f"| `fake` | pytest {result['version']} | {cells} | {result['date']} |" in page
    assert "\n1. slowly\n2. there is no call for it\n" in page
    assert "| `dwave` | dwave-cloud-client 0.14.8 | " in page and "never run" in page
    assert page.startswith("before\n") and page.endswith("\nafter\n") and "old" not in page


def test_two_generations_of_a_distribution_have_a_row_each(result, kept):
    kept.keep(result | {"provider": "aqt", "distribution": "qiskit-aqt-provider", "version": "1.14.0"})
    kept.write()
    rows = [row for row in kept.PAGE.read_text().splitlines() if row.startswith("| `aqt` | qiskit-aqt-provider")]
    assert ["never run" in row for row in rows] == [" 1." not in row for row in rows] and len(rows) == 2


def test_a_result_differs_from_what_is_kept_by_what_it_shows_but_not_by_its_date(result, kept):
    assert kept.differs(result)
    kept.keep(result)
    assert not kept.differs(result | {"date": "2030-01-01"})
    assert kept.differs(result | {"shown": {}})
