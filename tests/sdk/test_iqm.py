import pytest
from iqm.iqm_client import (
    AuthenticationError,
    Circuit,
    CircuitOperation,
    ForbiddenError,
    IQMClient,
    NotFoundError,
)

from standins.iqm import Iqm

STAND_IN = Iqm
DROPS_PATH = True
DOORS = ("alone", "own", "organization", "pinned")  # no path, so no context in it
CANNOT = {"list": "the SDK has no call for it"}


@pytest.fixture
def iqm(door) -> IQMClient:
    return IQMClient.from_url(door.url, token=door.token)


def bell_pair(name: str = "bell") -> Circuit:
    half, quarter = {"angle": 3.14159265, "phase": 0.0}, {"angle": 1.57079633, "phase": 1.57079633}
    operations = [
        CircuitOperation(name="prx", locus=("QB1",), args=quarter),
        CircuitOperation(name="prx", locus=("QB2",), args=half),
        CircuitOperation(name="cz", locus=("QB1", "QB2"), args={}),
        CircuitOperation(name="measure", locus=("QB1", "QB2"), args={"key": "m"}),
    ]
    return Circuit(name=name, instructions=tuple(operations))


@pytest.mark.shows("submit", "poll", "result")
def test_a_circuit_is_submitted_polled_and_counted(iqm):
    job = iqm.submit_circuits([bell_pair()], shots=200)
    assert job.wait_for_completion(timeout_secs=30, polling_interval=0.05) == "completed"
    assert job.result_counts()[0].counts == {"00": 100, "11": 100}
    again = iqm.get_job(job.job_id)
    assert again.status == "completed"
    assert again.payload().shots == 200


@pytest.mark.shows("submit", "cancel")
def test_a_job_is_cancelled_and_deleted(iqm):
    job = iqm.submit_circuits([bell_pair("hold")])
    assert job.update() == "processing"
    job.cancel()
    assert job.update() == "cancelled"
    iqm.delete_job(job.job_id)
    with pytest.raises(NotFoundError):
        iqm.get_job(job.job_id)


@pytest.mark.shows("wrong-token")
def test_an_unknown_token_is_refused(bellhop, stranger):
    with pytest.raises(AuthenticationError) as refused:
        IQMClient.from_url(bellhop.port_url, token=stranger)
    assert bellhop.last_refusal()["refusal"] == "unknown-token"
    assert str(refused.value) == bellhop.last_refusal()["detail"]


def test_a_user_without_a_credential_is_told_what_to_do(bellhop):
    with pytest.raises(ForbiddenError) as refused:
        IQMClient.from_url(bellhop.port_url, token=bellhop.tokens["carol", "laptop"])
    assert bellhop.last_refusal()["refusal"] == "no-credential"
    assert str(refused.value) == bellhop.last_refusal()["detail"]


@pytest.mark.shows("other-user")
def test_another_users_token_does_not_reach_this_users_job(bellhop, standin):
    ada, bob = (IQMClient.from_url(bellhop.port_url, token=bellhop.tokens[user, "laptop"]) for user in ("ada", "bob"))
    ours = ada.submit_circuits([bell_pair()]).job_id
    before = len(standin.calls)
    with pytest.raises(NotFoundError):
        bob.get_job(ours)
    assert {call.account for call in standin.calls[before:]} <= {"bob"}


@pytest.mark.shows("other-user")
def test_members_who_share_a_token_do_not_reach_each_others_jobs(bellhop, standin):
    grace, erin = (IQMClient.from_url(bellhop.port_url, token=bellhop.tokens[user, "laptop"]) for user in ("grace", "erin"))
    of_grace, of_erin = (member.submit_circuits([bell_pair("hold")]) for member in (grace, erin))
    for member, other in ((grace, of_erin), (erin, of_grace)):
        before = len(standin.calls)
        with pytest.raises(NotFoundError):
            member.get_job(other.job_id)
        assert bellhop.last_refusal()["refusal"] == "unknown-job"
        assert [call for call in standin.calls[before:] if str(other.job_id) in call.path] == []
    of_grace.cancel()
    assert [of_grace.update(), of_erin.update()] == ["cancelled", "processing"]
