import time

import pytest
import requests
from dwave.cloud import Client, api
from dwave.cloud.exceptions import CanceledFutureError, SolverAuthenticationError

from standins.dwave import ANSWER_DATA, GATE_MODEL, QPU, DWave

STAND_IN = DWave
REMARKS = {"wrong-token": "in the traceback, as the cause"}
WAIT = 30


def client(door, **options) -> Client:
    return Client(endpoint=f"{door.url}/sapi/v2/", token=door.token, request_timeout=WAIT, **options)


def problems(url: str, token: str, **options) -> api.Problems:
    return api.Problems(endpoint=f"{url}/sapi/v2/", token=token, timeout=WAIT, **options)


def ising(label: str, solver: dict = QPU) -> dict:
    data = {"format": "qp", "lin": "AAAAAAAA8L8AAAAAAAD4fwAAAAAAAPh/AAAAAAAA+H8=", "quad": ""}  # h = {0: -1}
    return {"solver": solver, "type": "ising", "label": label, "params": {"num_reads": 5}, "data": data}


def job(label: str, solver: dict = QPU) -> api.models.ProblemJob:
    return api.models.ProblemJob.model_validate(ising(label, solver))


@pytest.mark.shows("submit", "poll", "result")
def test_a_problem_is_submitted_polled_and_answered(door):
    with client(door) as dwave:
        solver = dwave.get_solver(name=QPU["name"])
        future = solver.sample_ising({0: -1}, {(0, 1): -1}, num_reads=10, label="pair")
        assert future.wait(WAIT)
        assert (future.samples[0][:2], future.energies, future.num_occurrences) == ([1, 1], [-2.0], [10])
        again = dwave.retrieve_answer(future.id)
        assert again.wait(WAIT)
        assert again.label == "pair"


@pytest.mark.shows("submit", "result")
def test_many_problems_travel_in_few_requests(door, standin):
    before = len(standin.calls)
    with client(door) as dwave:
        solver = dwave.get_solver(name=QPU["name"])
        futures = [solver.sample_qubo({(0, 0): -1}, label=f"{n}") for n in range(25)]
        assert all(future.wait(WAIT) for future in futures)
        assert {future.energies[0] for future in futures} == {-1.0}
    submits = [call for call in standin.calls[before:] if call.method == "POST"]
    assert len(submits) < len(futures)
    assert all(call.values("content-encoding") == ["deflate"] for call in submits)


def test_one_bad_problem_of_a_batch_is_an_item_of_the_answer(door, standin):
    with problems(door.url, door.token, compress_qpu_problem_data=True) as resource:
        good, bad = resource.submit_problems([job("good"), job("bad", {"name": "nowhere"})])
    assert good.status == "PENDING"
    assert (bad.error_code, bad.error_msg) == (400, "Unknown solver nowhere")
    assert standin.calls[-1].values("content-encoding") == ["deflate"]  # and chunked, as the SDK sent it


def test_a_problem_that_is_not_in_an_array_is_accepted_too(door):
    with problems(door.url, door.token) as resource:
        submitted = resource.submit_problem(job("blocking"))
        assert resource.get_problem_statuses([submitted.id], timeout=1)[0].status == "COMPLETED"
        assert resource.get_problem_info(submitted.id).metadata.label == "blocking"
        assert resource.get_problem_answer(submitted.id).format == "qp"


@pytest.mark.shows("submit", "poll")
def test_a_long_poll_ends_when_the_problem_does(door, standin):
    with client(door) as dwave:
        future = dwave.get_solver(name=QPU["name"]).sample_ising({0: -1}, {}, label="hold")
        id = future.wait_id(WAIT)
        assert not future.done()
        standin.release(id)
        assert future.wait(WAIT)


@pytest.mark.shows("submit", "cancel")
def test_a_pending_problem_is_cancelled(door):
    with client(door) as dwave:
        future = dwave.get_solver(name=QPU["name"]).sample_ising({0: -1}, {}, label="hold")
        future.wait_id(WAIT)
        future.cancel()
        assert future.wait(WAIT)
        with pytest.raises(CanceledFutureError):
            future.result()


@pytest.mark.shows("submit", "cancel")
def test_problems_are_cancelled_one_by_one_and_in_bulk(door):
    with problems(door.url, door.token) as resource:
        one, two, three = (status.id for status in resource.submit_problems([job("hold")] * 3))
        assert resource.cancel_problem(one).status == "CANCELLED"
        assert [status.status for status in resource.cancel_problems([two, three])] == ["CANCELLED"] * 2


@pytest.mark.shows("submit", "list")
@pytest.mark.doors("alone", "own", "named", "pinned")
def test_problems_are_listed(door):
    with problems(door.url, door.token) as resource:
        submitted = resource.submit_problem(job("listed"))
        assert submitted.id in [status.id for status in resource.list_problems(status="PENDING", max_results=1000)]


@pytest.mark.shows("submit", "result")
def test_an_upload_is_run_and_its_answer_fetched_by_reference(door, standin):
    before = len(standin.calls)
    with client(door) as dwave:
        solver = dwave.get_solver(name=GATE_MODEL["name"])
        future = solver.sample_qcdl(solver.minimal_problem[0])
        assert future.wait(WAIT)
        assert future.answer_data.read() == ANSWER_DATA
    assert standin.calls[-1].path.endswith("/answer/data")
    assert any(call.path.endswith("/combine") for call in standin.calls[before:])


def test_the_solver_list_is_not_to_be_cached(bellhop):
    """The SDK would keep it for an hour, and serve it to a caller whose token is revoked."""
    answer = requests.get(
        f"{bellhop.url()}/sapi/v2/solvers/remote/",
        headers={
            "X-Auth-Token": bellhop.tokens["ada", "laptop"],
            "Accept": "application/vnd.dwave.sapi.solver-definition-list+json; version=3.0.0",
        },
        timeout=WAIT,
    )
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/vnd.dwave.sapi.solver-definition-list+json; version=3.0.0"


@pytest.mark.shows("wrong-token")
def test_an_unknown_token_is_refused(bellhop, stranger):
    with Client(endpoint=f"{bellhop.url()}/sapi/v2/", token=stranger) as dwave:
        with pytest.raises(SolverAuthenticationError) as refused:
            dwave.get_solver()
    # The SDK's own exception has a fixed text; ours is the cause that the traceback shows.
    assert bellhop.last_refusal()["detail"] in str(refused.value.__cause__)
    assert bellhop.last_refusal()["refusal"] == "unknown-token"


def test_a_user_without_a_credential_is_told_what_to_do(bellhop):
    token = bellhop.tokens["carol", "laptop"]
    with Client(endpoint=f"{bellhop.url()}/sapi/v2/", token=token) as dwave:
        with pytest.raises(api.exceptions.ResourceAccessForbiddenError) as refused:
            dwave.get_solver()
    assert bellhop.last_refusal()["detail"] in str(refused.value)
    assert bellhop.last_refusal()["refusal"] == "no-credential"
    with problems(bellhop.url(), token) as resource:
        with pytest.raises(api.exceptions.ResourceAccessForbiddenError) as refused:
            resource.submit_problem(job("unpaid"))
    assert bellhop.last_refusal()["detail"] in str(refused.value)


@pytest.mark.shows("other-user")
def test_another_users_token_does_not_reach_this_users_problems(bellhop, standin):
    with problems(bellhop.url(), bellhop.tokens["ada", "laptop"]) as resource:
        ours = resource.submit_problem(job("ada's")).id
    before = len(standin.calls)
    with problems(bellhop.url(), bellhop.tokens["bob", "laptop"]) as resource:
        with pytest.raises(api.exceptions.ResourceNotFoundError):
            resource.get_problem(ours)
    assert {call.account for call in standin.calls[before:]} <= {"bob"}


@pytest.mark.shows("other-user", "list", "organization")
def test_members_who_share_a_token_do_not_reach_each_others_problems(bellhop, standin):
    resources = {user: problems(bellhop.url(), bellhop.tokens[user, "laptop"]) for user in ("grace", "erin")}
    ids = {user: resource.submit_problem(job("hold")).id for user, resource in resources.items()}
    for user, other in (("grace", "erin"), ("erin", "grace")):
        before = len(standin.calls)
        resource, theirs = resources[user], ids[other]
        for reach in (
            lambda: resource.get_problem_status(theirs),
            lambda: resource.get_problem_statuses([ids[user], theirs]),
            lambda: resource.get_problem_answer(theirs),
            lambda: resource.cancel_problem(theirs),
            lambda: resource.cancel_problems([ids[user], theirs]),
        ):
            with pytest.raises(api.exceptions.ResourceNotFoundError):
                reach()
            assert bellhop.last_refusal()["refusal"] == "unknown-job"
        assert len(standin.calls) == before
        listed = [problem.id for problem in resource.list_problems()]
        assert ids[user] in listed and theirs not in listed
    resources["grace"].cancel_problem(ids["grace"])
    assert resources["erin"].get_problem_status(ids["erin"]).status != "CANCELLED"


@pytest.mark.shows("organization")
def test_a_problem_goes_on_with_the_token_that_submitted_it(bellhop, standin, add_own_token):
    erin = problems(bellhop.url(), bellhop.tokens["erin", "laptop"])
    id = erin.submit_problem(job("pair")).id
    add_own_token()
    deadline = time.monotonic() + WAIT
    while erin.get_problem_status(id).status != "COMPLETED":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert erin.get_problem_answer(id)
    assert standin.calls[-1].account == "acme"
    erin.submit_problem(job("pair"))
    assert standin.calls[-1].account == "bob"
