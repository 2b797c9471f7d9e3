import pytest
from ionq import Client
from ionq.jobs.backend import Backend
from ionq.jobs.circuit import Circuit
from requests import HTTPError

from standins.ionq import IonQ

STAND_IN = IonQ
DROPS_PATH = True  # it cuts as many characters off a result's path as its base address has
DOORS = ("alone", "own", "organization", "pinned")  # no path, so no context in it
REMARKS = {"wrong-token": "by its status, 401; the SDK shows no text"}
BELL_PAIR = [{"circuit": [{"gate": "h", "target": 0}, {"gate": "cnot", "control": 0, "target": 1}]}]


def simulator(door) -> Backend:
    return Backend("simulator", Client(api_key=door.token, base_url=f"{door.url}/v0.4"))


def run(backend: Backend, name: str = "bell"):
    return backend.run(Circuit(BELL_PAIR, qubits=2), name=name, shots=200)


@pytest.mark.shows("submit", "poll", "result")
def test_a_circuit_is_submitted_polled_and_counted(door):
    (result,) = run(simulator(door)).results()
    assert result.counts == {"0": 100, "3": 100}


@pytest.mark.shows("submit", "cancel")
def test_a_job_is_cancelled_and_deleted(door):
    jobs = simulator(door).client.jobs
    job = run(simulator(door), "hold")
    assert jobs.get_job(job.id).status == "started"
    assert jobs.cancel_job(job.id).status == "canceled"
    assert jobs.delete_job(job.id, force=True).status == "deleted"


@pytest.mark.shows("submit", "list")
def test_jobs_are_listed(door):
    job = run(simulator(door))
    assert job.id in [listed.id for listed in simulator(door).client.jobs.get_jobs()]


@pytest.mark.shows("wrong-token")
def test_an_unknown_token_is_refused(bellhop, unknown_caller):
    with pytest.raises(HTTPError, match="401 Client Error: Unauthorized") as refused:  # it never shows a text
        run(simulator(unknown_caller))
    assert bellhop.last_refusal()["refusal"] == "unknown-token"
    assert bellhop.last_refusal()["detail"] == refused.value.response.json()["detail"]


def test_a_user_without_a_credential_is_refused(bellhop, caller):
    with pytest.raises(HTTPError) as refused:
        run(simulator(caller("carol")))
    assert refused.value.response.status_code == 403
    assert bellhop.last_refusal()["refusal"] == "no-credential"


@pytest.mark.shows("other-user")
def test_another_users_token_does_not_reach_this_users_job(caller, standin):
    ours = run(simulator(caller("ada"))).id
    before = len(standin.calls)
    with pytest.raises(HTTPError) as refused:
        simulator(caller("bob")).client.jobs.get_job(ours)
    assert refused.value.response.status_code == 404
    assert {call.account for call in standin.calls[before:]} <= {"bob"}


@pytest.mark.shows("other-user", "organization", "list")
def test_members_who_share_a_token_do_not_reach_each_others_jobs(bellhop, caller, standin):
    grace, erin = simulator(caller("grace")), simulator(caller("erin"))
    of_grace, of_erin = run(grace, "hold").id, run(erin, "hold").id
    for member, mine, other in ((grace, of_grace, of_erin), (erin, of_erin, of_grace)):
        jobs, before = member.client.jobs, len(standin.calls)
        for reach in (jobs.get_job, jobs.cancel_job, lambda id: jobs.cancel_many_jobs([mine, id])):
            with pytest.raises(HTTPError) as refused:
                reach(other)
            assert refused.value.response.status_code == 404
            assert bellhop.last_refusal()["refusal"] == "unknown-job"
        assert len(standin.calls) == before
        ids = {job.id for job in jobs.get_jobs()}
        assert mine in ids and other not in ids
