from uuid import UUID

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.providers import JobStatus
from qiskit.providers.exceptions import QiskitBackendNotFoundError
from qiskit_aqt_provider import AQTProvider
from qiskit_aqt_provider.api_client.errors import APIError

from standins.aqt import RESOURCE, WORKSPACE, Aqt

STAND_IN = Aqt
DROPS_PATH = True
DOORS = ("alone", "own", "organization", "pinned")  # no path, so no context in it
CANNOT = {"cancel": "the SDK has no call for it", "list": "the SDK has no call for it"}
REMARKS = {
    "wrong-token": "by the portal's client and at a submit; `get_backend` says that there is no such backend"
}


@pytest.fixture
def ibex(door, monkeypatch):
    return backend(door, monkeypatch)


def provider(door, monkeypatch) -> AQTProvider:
    monkeypatch.setenv("AQT_PORTAL_URL", door.url)
    return AQTProvider(door.token, load_dotenv=False)


def backend(door, monkeypatch):
    return provider(door, monkeypatch).get_backend(RESOURCE, workspace=WORKSPACE)


def bell_pair(backend) -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return transpile(circuit, backend)


@pytest.mark.shows("submit", "poll", "result")
def test_a_circuit_is_submitted_polled_and_counted(ibex):
    job = ibex.run(bell_pair(ibex), shots=200, query_period_seconds=0.1, with_progress_bar=False)
    assert job.result().get_counts() == {"00": 100, "11": 100}
    assert job.status() is JobStatus.DONE


@pytest.mark.shows("submit", "poll")
def test_a_job_in_progress_is_seen_to_be(ibex):
    job = ibex.run(bell_pair(ibex), shots=13)
    assert job.status() is JobStatus.RUNNING
    assert job.progress().finished_count == 0


@pytest.mark.shows("wrong-token")
def test_an_unknown_token_is_refused(bellhop, unknown_caller, monkeypatch):
    with pytest.raises(APIError) as refused:
        provider(unknown_caller, monkeypatch)._portal_client.workspaces()
    assert bellhop.last_refusal()["refusal"] == "unknown-token"
    assert str(refused.value) == bellhop.last_refusal()["detail"]
    with pytest.raises(QiskitBackendNotFoundError):  # here the SDK keeps to itself what it was told
        backend(unknown_caller, monkeypatch)


def test_a_user_without_a_credential_is_told_what_to_do(bellhop, caller, monkeypatch):
    ibex = backend(caller("ada"), monkeypatch)
    ibex._http_client.headers["Authorization"] = f"Bearer {caller('carol').token}"
    with pytest.raises(APIError) as refused:
        ibex.run(bell_pair(ibex))
    assert bellhop.last_refusal()["refusal"] == "no-credential"
    assert str(refused.value) == bellhop.last_refusal()["detail"]


@pytest.mark.shows("other-user")
def test_another_users_token_does_not_reach_this_users_job(caller, standin, monkeypatch):
    ada, bob = (backend(caller(user), monkeypatch) for user in ("ada", "bob"))
    ours = ada.run(bell_pair(ada)).job_id()
    before = len(standin.calls)
    with pytest.raises(APIError, match="unknown job_id"):
        bob.result(UUID(ours))
    assert {call.account for call in standin.calls[before:]} <= {"bob"}


@pytest.mark.shows("other-user", "organization")
def test_members_who_share_a_token_do_not_reach_each_others_jobs(bellhop, caller, standin, monkeypatch):
    grace, erin = (backend(caller(user), monkeypatch) for user in ("grace", "erin"))
    of_grace, of_erin = (member.run(bell_pair(member), shots=13).job_id() for member in (grace, erin))
    for member, mine, other in ((grace, of_grace, of_erin), (erin, of_erin, of_grace)):
        before = len(standin.calls)
        with pytest.raises(APIError) as refused:
            member.result(UUID(other))
        assert bellhop.last_refusal()["refusal"] == "unknown-job"
        assert str(refused.value) == bellhop.last_refusal()["detail"]
        assert len(standin.calls) == before
        assert str(member.result(UUID(mine)).job.job_id) == mine
