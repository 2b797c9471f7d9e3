import pytest
from qhub.quantum.sdk import HubQiskitProvider
from qhub.quantum.sdk.exceptions import HubApiError
from qiskit import QuantumCircuit
from qiskit.providers import JobStatus

from standins.kipu import Kipu
from standins.planqk import BACKEND

STAND_IN = Kipu


@pytest.fixture
def hub(door, monkeypatch):
    return provider(door, monkeypatch)


def provider(door, monkeypatch) -> HubQiskitProvider:
    monkeypatch.setenv("QHUB_QUANTUM_BASE_URL", f"{door.url}/quantum")
    return HubQiskitProvider(access_token=door.token)


def bell_pair() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    return circuit


@pytest.mark.shows("submit", "poll", "result")
def test_a_circuit_is_submitted_polled_and_counted(hub):
    assert hub.backends() == [BACKEND]
    backend = hub.get_backend(BACKEND)
    job = backend.run(bell_pair(), shots=200)
    counts = job.result().get_counts()
    assert set(counts) == {"00", "11"} and sum(counts.values()) == 200
    assert hub.retrieve_job(job.job_id()).status() is JobStatus.DONE


@pytest.mark.shows("submit", "cancel")
def test_a_job_is_cancelled(hub):
    job = hub.get_backend(BACKEND).run(bell_pair(), shots=1, name="hold")
    assert job.status() in (JobStatus.RUNNING, JobStatus.QUEUED)
    job.cancel()
    assert job.status() is JobStatus.CANCELLED


@pytest.mark.shows("submit", "list")
def test_jobs_are_listed(hub):
    job = hub.get_backend(BACKEND).run(bell_pair(), shots=1)
    assert job.job_id() in [summary.id for summary in hub.jobs()]


@pytest.mark.shows("wrong-token")
def test_an_unknown_token_is_refused(bellhop, unknown_caller, monkeypatch):
    with pytest.raises(HubApiError) as refused:
        provider(unknown_caller, monkeypatch).backends()
    assert refused.value.status_code == 401
    assert bellhop.last_refusal()["refusal"] == "unknown-token"
    assert str(refused.value) == bellhop.last_refusal()["detail"]


def test_a_user_without_a_credential_is_told_what_to_do(bellhop, caller, monkeypatch):
    with pytest.raises(HubApiError) as refused:
        provider(caller("carol"), monkeypatch).get_backend(BACKEND)
    assert bellhop.last_refusal()["refusal"] == "no-credential"
    assert str(refused.value) == bellhop.last_refusal()["detail"]


@pytest.mark.shows("other-user")
def test_another_users_token_does_not_reach_this_users_job(caller, standin, monkeypatch):
    ours = provider(caller("ada"), monkeypatch).get_backend(BACKEND).run(bell_pair())
    before = len(standin.calls)
    with pytest.raises(HubApiError) as refused:
        provider(caller("bob"), monkeypatch).retrieve_job(ours.job_id())
    assert refused.value.status_code == 404
    assert {call.account for call in standin.calls[before:]} <= {"bob"}


@pytest.mark.shows("other-user", "organization", "list")
def test_members_who_share_a_token_do_not_reach_each_others_jobs(bellhop, caller, standin, monkeypatch):
    grace, erin = (provider(caller(user), monkeypatch) for user in ("grace", "erin"))
    of_grace = grace.get_backend(BACKEND).run(bell_pair(), name="hold")
    of_erin = erin.get_backend(BACKEND).run(bell_pair(), name="hold")
    for member, mine, other in ((grace, of_grace, of_erin), (erin, of_erin, of_grace)):
        before = len(standin.calls)
        with pytest.raises(HubApiError) as refused:
            member.retrieve_job(other.job_id())
        assert refused.value.status_code == 404
        assert bellhop.last_refusal()["refusal"] == "unknown-job"
        assert len(standin.calls) == before
        ids = [summary.id for summary in member.jobs()]
        assert mine.job_id() in ids and other.job_id() not in ids
    of_grace.cancel()
    assert of_grace.status() is JobStatus.CANCELLED
    assert of_erin.status() in (JobStatus.RUNNING, JobStatus.QUEUED)
