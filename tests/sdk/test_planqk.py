import pytest
from planqk.quantum.sdk import PlanqkQuantumProvider
from planqk.quantum.sdk.exceptions import InvalidAccessTokenError, PlanqkClientError
from qiskit import QuantumCircuit
from qiskit.providers import JobStatus

from standins.planqk import BACKEND, PlanQK

STAND_IN = PlanQK
REMARKS = {"wrong-token": "by a text of the SDK's own, which shows none of Bellhop's"}


@pytest.fixture
def planqk(door, monkeypatch):
    return provider(door.url, door.token, monkeypatch)


def provider(url, token, monkeypatch) -> PlanqkQuantumProvider:
    monkeypatch.setenv("PLANQK_QUANTUM_BASE_URL", f"{url}/quantum")
    return PlanqkQuantumProvider(access_token=token)


def bell_pair() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    return circuit


@pytest.mark.shows("submit", "poll", "result")
def test_a_circuit_is_submitted_polled_and_counted(planqk):
    assert planqk.backends() == [BACKEND]
    backend = planqk.get_backend(BACKEND)
    job = backend.run(bell_pair(), shots=200)
    counts = job.result().get_counts()
    assert set(counts) == {"00", "11"} and sum(counts.values()) == 200
    assert backend.retrieve_job(job.job_id()).status() is JobStatus.DONE


@pytest.mark.shows("submit", "cancel")
def test_a_job_is_cancelled(planqk):
    job = planqk.get_backend(BACKEND).run(bell_pair(), shots=1, name="hold")
    assert job.status() is JobStatus.RUNNING or job.status() is JobStatus.QUEUED
    job.cancel()
    assert job.status() is JobStatus.CANCELLED


@pytest.mark.shows("submit", "list")
@pytest.mark.doors("alone", "own", "named", "pinned")
def test_jobs_are_listed(planqk):
    job = planqk.get_backend(BACKEND).run(bell_pair(), shots=1)
    assert job.job_id() in [summary.id for summary in planqk.jobs()]


@pytest.mark.shows("wrong-token")
def test_an_unknown_token_is_refused(bellhop, stranger, monkeypatch):
    with pytest.raises(InvalidAccessTokenError, match="Invalid personal access token"):  # the SDK's fixed text
        provider(bellhop.url(), stranger, monkeypatch).backends()
    assert bellhop.last_refusal()["refusal"] == "unknown-token"


def test_a_user_without_a_credential_is_told_what_to_do(bellhop, monkeypatch):
    with pytest.raises(PlanqkClientError) as refused:
        provider(bellhop.url(), bellhop.tokens["carol", "laptop"], monkeypatch).get_backend(BACKEND)
    assert bellhop.last_refusal()["refusal"] == "no-credential"
    assert str(refused.value) == f"{bellhop.last_refusal()['detail']} (HTTP error: 403)"


@pytest.mark.shows("other-user")
def test_another_users_token_does_not_reach_this_users_job(bellhop, standin, monkeypatch):
    ours = provider(bellhop.url(), bellhop.tokens["ada", "laptop"], monkeypatch).get_backend(BACKEND).run(bell_pair())
    before = len(standin.calls)
    with pytest.raises(PlanqkClientError) as refused:
        provider(bellhop.url(), bellhop.tokens["bob", "laptop"], monkeypatch).retrieve_job(ours.job_id())
    assert refused.value.response.status_code == 404
    assert {call.account for call in standin.calls[before:]} <= {"bob"}


@pytest.mark.shows("other-user", "list", "organization")
def test_members_who_share_a_token_do_not_reach_each_others_jobs(bellhop, standin, monkeypatch):
    grace = provider(bellhop.url(), bellhop.tokens["grace", "laptop"], monkeypatch)
    erin = provider(bellhop.url(), bellhop.tokens["erin", "laptop"], monkeypatch)
    of_grace = grace.get_backend(BACKEND).run(bell_pair(), name="hold")
    of_erin = erin.get_backend(BACKEND).run(bell_pair(), name="hold")
    for member, mine, other in ((grace, of_grace, of_erin), (erin, of_erin, of_grace)):
        before = len(standin.calls)
        with pytest.raises(PlanqkClientError) as refused:
            member.retrieve_job(other.job_id())
        assert refused.value.response.status_code == 404
        assert bellhop.last_refusal()["refusal"] == "unknown-job"
        assert not [call for call in standin.calls[before:] if other.job_id() in call.path]
        ids = [summary.id for summary in member.jobs()]
        assert mine.job_id() in ids and other.job_id() not in ids
    of_grace.cancel()
    assert of_grace.status() is JobStatus.CANCELLED
    assert of_erin.status() in (JobStatus.RUNNING, JobStatus.QUEUED)


@pytest.mark.shows("organization")
def test_a_job_goes_on_with_the_token_that_submitted_it(bellhop, standin, monkeypatch, add_own_token):
    erin = provider(bellhop.url(), bellhop.tokens["erin", "laptop"], monkeypatch)
    job = erin.get_backend(BACKEND).run(bell_pair(), shots=200)
    add_own_token()
    assert sum(job.result().get_counts().values()) == 200
    assert {call.account for call in standin.calls if job.job_id() in call.path} == {"acme"}
