import pytest
import requests
from qiskit import QuantumCircuit
from qiskit.providers import JobStatus
from qiskit_ionq import IonQProvider
from qiskit_ionq.exceptions import IonQAPIError, IonQJobStateError

from standins.ionq import IonQ

STAND_IN = IonQ
CANNOT = {"list": "the SDK has no call for it"}
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # a cancelled job, the transpiler's defaults


@pytest.fixture
def simulator(door, monkeypatch):
    return backend(door.url, door.token, monkeypatch)


def backend(url, token, monkeypatch, **options):
    # The backends' sizes are asked for at construction, without a credential, where this variable says.
    monkeypatch.setenv("IONQ_API_URL", f"{url}/v0.4")
    return IonQProvider(token, url=f"{url}/v0.4", **options).get_backend("ionq_simulator")


def bell_pair(name: str = "bell") -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2, name=name)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    return circuit


@pytest.mark.shows("submit", "poll", "result")
def test_a_circuit_is_submitted_polled_and_counted(simulator):
    job = simulator.run(bell_pair(), shots=200, sampler_seed=7)
    counts = job.result(timeout=30, wait=0.05).get_counts()
    assert set(counts) == {"00", "11"} and sum(counts.values()) == 200
    assert simulator.retrieve_job(job.job_id()).status() is JobStatus.DONE


@pytest.mark.shows("submit", "poll", "result")
def test_several_circuits_make_one_job(simulator):
    job = simulator.run([bell_pair("one"), bell_pair("two")], shots=100)
    result = job.result(timeout=30, wait=0.05)
    assert [set(counts) for counts in result.get_counts()] == [{"00", "11"}] * 2


@pytest.mark.shows("submit", "cancel")
def test_a_job_is_cancelled_and_deleted(simulator):
    job = simulator.run(bell_pair("hold"))
    assert job.status() is JobStatus.RUNNING
    job.cancel()
    assert job.status() is JobStatus.CANCELLED
    with pytest.raises(IonQJobStateError):
        job.result()
    simulator.client.delete_job(job.job_id())


@pytest.mark.doors("alone", "own")
def test_the_size_of_a_backend_is_known_without_a_credential(simulator, standin):
    """Refused, the SDK would silently take it for four qubits."""
    assert simulator.num_qubits == 29
    assert not standin.calls[-1].values("authorization")
    simulator.run(bell_pair())  # the door wants somebody to have paid


def test_the_context_may_stand_in_a_header(bellhop, standin, monkeypatch):
    headers = {"Bellhop-Context": "acme"}
    simulator = backend(bellhop.url(), bellhop.tokens["ada", "laptop"], monkeypatch, custom_headers=headers)
    simulator.run(bell_pair())
    assert standin.calls[-1].account == "acme"


@pytest.mark.parametrize(
    ("user", "token", "context", "owner", "why"),
    [
        ("ada", "laptop", None, "me", "own"),
        ("ada", "laptop", "acme", "acme", "named"),
        ("ada", "pinned", None, "acme", "pinned"),
        ("grace", "laptop", None, "acme", "organization"),
    ],
)
def test_the_receipt_says_who_paid_and_why(bellhop, user, token, context, owner, why):
    job = {"type": "ionq.circuit.v1", "backend": "simulator", "name": "receipt", "metadata": {}, "input": {"qubits": 1}}
    headers = {"Authorization": f"apiKey {bellhop.tokens[user, token]}"}
    answer = requests.post(f"{bellhop.url(context)}/v0.4/jobs", json=job, headers=headers, timeout=30)
    receipt = dict(member.strip().split("=", 1) for member in answer.headers["Bellhop-Credential"].split(","))
    assert (receipt["owner"], receipt["why"]) == (f'"{owner}"', why)
    assert answer.headers["X-Request-Id"]


@pytest.mark.shows("wrong-token")
def test_an_unknown_token_is_refused(bellhop, stranger, monkeypatch):
    with pytest.raises(IonQAPIError) as refused:
        backend(bellhop.url(), stranger, monkeypatch).run(bell_pair())
    assert refused.value.status_code == 401
    assert bellhop.last_refusal()["refusal"] == "unknown-token"
    assert bellhop.last_refusal()["detail"] in refused.value.message


def test_a_user_without_a_credential_is_told_what_to_do(bellhop, monkeypatch):
    with pytest.raises(IonQAPIError) as refused:
        backend(bellhop.url(), bellhop.tokens["carol", "laptop"], monkeypatch).run(bell_pair())
    assert refused.value.status_code == 403
    assert bellhop.last_refusal()["refusal"] == "no-credential"
    assert bellhop.last_refusal()["detail"] in refused.value.message


@pytest.mark.shows("other-user")
def test_another_users_token_does_not_reach_this_users_job(bellhop, standin, monkeypatch):
    ours = backend(bellhop.url(), bellhop.tokens["ada", "laptop"], monkeypatch).run(bell_pair()).job_id()
    before = len(standin.calls)
    theirs = backend(bellhop.url(), bellhop.tokens["bob", "laptop"], monkeypatch)
    with pytest.raises(IonQAPIError) as refused:
        theirs.retrieve_job(ours)
    assert refused.value.status_code == 404
    assert {call.account for call in standin.calls[before:]} <= {"bob", None}


def members(bellhop, monkeypatch):
    """Two people who share their organization's token."""
    return [backend(bellhop.url(), bellhop.tokens[user, "laptop"], monkeypatch) for user in ("grace", "erin")]


def listed(bellhop, user: str) -> set[str]:
    headers = {"Authorization": f"apiKey {bellhop.tokens[user, 'laptop']}"}
    answer = requests.get(f"{bellhop.url()}/v0.4/jobs", headers=headers, timeout=30)
    return {job["id"] for job in answer.json()["jobs"]}


@pytest.mark.shows("other-user", "organization")
def test_members_who_share_a_token_do_not_reach_each_others_jobs(bellhop, standin, monkeypatch):
    grace, erin = members(bellhop, monkeypatch)
    of_grace, of_erin = grace.run(bell_pair("hold")), erin.run(bell_pair("hold"))
    for member, mine, other, user in ((grace, of_grace, of_erin, "grace"), (erin, of_erin, of_grace, "erin")):
        before = len(standin.calls)
        for reach in (member.retrieve_job, member.client.cancel_job, member.client.delete_job):
            with pytest.raises(IonQAPIError) as refused:
                reach(other.job_id())
            assert refused.value.status_code == 404
            assert bellhop.last_refusal()["refusal"] == "unknown-job"
        assert not [call for call in standin.calls[before:] if other.job_id() in call.path]
        ids = listed(bellhop, user)
        assert mine.job_id() in ids and other.job_id() not in ids
    of_grace.cancel()
    assert of_grace.status() is JobStatus.CANCELLED
    assert of_erin.status() is JobStatus.RUNNING


@pytest.mark.shows("organization")
def test_a_job_goes_on_with_the_token_that_submitted_it(bellhop, standin, monkeypatch, add_own_token):
    _, erin = members(bellhop, monkeypatch)
    job = erin.run(bell_pair(), shots=200)
    assert job.status() is JobStatus.RUNNING
    add_own_token()
    counts = job.result(timeout=30, wait=0.05).get_counts()
    assert sum(counts.values()) == 200
    assert {call.account for call in standin.calls if job.job_id() in call.path} == {"acme"}
    assert erin.run(bell_pair()).job_id() and standin.calls[-1].account == "bob"
