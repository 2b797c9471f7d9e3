import pytest
from qiskit import QuantumCircuit
from qiskit.providers import JobStatus
from qiskit_alice_bob_provider import AliceBobRemoteProvider
from qiskit_alice_bob_provider.remote import provider as remote
from qiskit_alice_bob_provider.remote.api import jobs
from qiskit_alice_bob_provider.remote.api.client import AliceBobApiException

from standins.alice_bob import BACKEND, AliceBob

STAND_IN = AliceBob
CANNOT = {"list": "the SDK has no call for it"}


@pytest.fixture(autouse=True)
def at_home(monkeypatch):
    # It asks a package registry whether there is a newer one of it: nothing goes out from here.
    monkeypatch.setattr(remote, "get_provider_status", lambda: remote.ProviderStatus.LATEST)


def provider(door) -> AliceBobRemoteProvider:
    return AliceBobRemoteProvider(door.token, url=f"{door.url}/")


def submit(felis: AliceBobRemoteProvider, shots: int = 200):
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    return felis.get_backend(BACKEND, verbose=False).run(circuit, shots=shots)


@pytest.mark.shows("submit", "poll", "result")
def test_a_circuit_is_submitted_polled_and_counted(door):
    job = submit(provider(door))
    assert job.result(timeout=30, wait=0.05).get_counts() == {"00": 100, "11": 100}
    assert job.status() is JobStatus.DONE


@pytest.mark.shows("submit", "cancel")
def test_a_job_is_cancelled(door):
    job = submit(provider(door), shots=13)
    assert job.status() is JobStatus.VALIDATING
    assert jobs.download_output(provider(door).client, job.job_id()) is None  # 409 is not yet
    job.cancel()
    assert job.status() is JobStatus.CANCELLED


@pytest.mark.shows("wrong-token")
def test_an_unknown_token_is_refused(bellhop, unknown_caller):
    with pytest.raises(AliceBobApiException) as refused:
        provider(unknown_caller)
    assert bellhop.last_refusal()["refusal"] == "unknown-token"
    assert bellhop.last_refusal()["detail"] in str(refused.value)


def test_a_user_without_a_credential_is_told_what_to_do(bellhop, caller):
    with pytest.raises(AliceBobApiException) as refused:
        provider(caller("carol"))
    assert bellhop.last_refusal()["refusal"] == "no-credential"
    assert bellhop.last_refusal()["detail"] in str(refused.value)


@pytest.mark.shows("other-user")
def test_another_users_token_does_not_reach_this_users_job(caller, standin):
    ours = submit(provider(caller("ada"))).job_id()
    before = len(standin.calls)
    with pytest.raises(AliceBobApiException) as refused:
        jobs.get_job(provider(caller("bob")).client, ours)
    assert refused.value.status_code == 404
    assert {call.account for call in standin.calls[before:]} <= {"bob"}


@pytest.mark.shows("other-user", "organization")
def test_members_who_share_a_token_do_not_reach_each_others_jobs(bellhop, caller, standin):
    grace, erin = provider(caller("grace")), provider(caller("erin"))
    of_grace, of_erin = submit(grace, shots=13), submit(erin, shots=13)
    for member, other in ((grace, of_erin), (erin, of_grace)):
        before = len(standin.calls)
        for reach in (jobs.get_job, jobs.get_job_metrics, jobs.cancel_job, jobs.download_input, jobs.download_output):
            with pytest.raises(AliceBobApiException) as refused:
                reach(member.client, other.job_id())
            assert refused.value.status_code == 404
            assert bellhop.last_refusal()["refusal"] == "unknown-job"
        with pytest.raises(AliceBobApiException):
            jobs.upload_input(member.client, other.job_id(), "__quantum__qis__")
        assert len(standin.calls) == before
    of_grace.cancel()
    assert of_grace.status() is JobStatus.CANCELLED and of_erin.status() is JobStatus.VALIDATING
