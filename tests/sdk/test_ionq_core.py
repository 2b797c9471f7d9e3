import pytest
from ionq_core import IonQClient, iter_jobs, wait_for_job
from ionq_core.api.backends import get_backend
from ionq_core.api.default import cancel_job, create_job, delete_job, get_job, get_job_probabilities
from ionq_core.exceptions import AuthenticationError, NotFoundError, PermissionDeniedError
from ionq_core.models import CircuitJobCreationPayload

from standins.ionq import IonQ

STAND_IN = IonQ
pytestmark = pytest.mark.filterwarnings("ignore:base_url")  # that http sends keys in the clear


def client(door):
    return IonQClient(api_key=door.token, base_url=f"{door.url}/v0.4", max_retries=0)


def bell_pair(name: str = "bell") -> CircuitJobCreationPayload:
    gates = [{"gate": "h", "target": 0}, {"gate": "cnot", "control": 0, "target": 1}]
    circuit = {"qubits": 2, "gateset": "qis", "circuit": gates}
    job = {"type": "ionq.circuit.v1", "backend": "simulator", "name": name, "shots": 200, "input": circuit}
    return CircuitJobCreationPayload.from_dict(job)


def submit(ionq, name: str = "bell") -> str:
    return create_job.sync(client=ionq, body=bell_pair(name)).id


@pytest.mark.shows("submit", "poll", "result")
def test_a_circuit_is_submitted_polled_and_counted(door):
    ionq = client(door)
    id = submit(ionq)
    job = wait_for_job(ionq, id, poll_interval=0.05, timeout=30)
    assert (job.status, job.shots) == ("completed", 200)
    assert get_job_probabilities.sync(id, client=ionq).to_dict() == {"0": 0.5, "3": 0.5}


@pytest.mark.shows("submit", "cancel")
def test_a_job_is_cancelled_and_deleted(door):
    ionq = client(door)
    id = submit(ionq, "hold")
    assert cancel_job.sync(id, client=ionq).status == "canceled"
    assert get_job.sync(id, client=ionq).status == "canceled"
    delete_job.sync(id, client=ionq)
    with pytest.raises(NotFoundError):
        get_job.sync(id, client=ionq)


@pytest.mark.shows("submit", "list")
def test_jobs_are_listed(door):
    ionq = client(door)
    id = submit(ionq)
    assert id in [job.id for job in iter_jobs(ionq)]


@pytest.mark.doors("own")
def test_the_catalogue_never_carries_a_credential(door, standin):
    ionq = client(door)
    assert get_backend.sync("simulator", client=ionq).qubits == 29
    assert not standin.calls[-1].values("authorization")
    submit(ionq)  # the door wants somebody to have paid


@pytest.mark.shows("wrong-token")
def test_an_unknown_token_is_refused(bellhop, unknown_caller):
    with pytest.raises(AuthenticationError) as refused:
        submit(client(unknown_caller))
    assert bellhop.last_refusal()["refusal"] == "unknown-token"
    assert str(refused.value) == bellhop.last_refusal()["detail"]


def test_a_user_without_a_credential_is_told_what_to_do(bellhop, caller):
    with pytest.raises(PermissionDeniedError) as refused:
        submit(client(caller("carol")))
    assert bellhop.last_refusal()["refusal"] == "no-credential"
    assert str(refused.value) == bellhop.last_refusal()["detail"]


@pytest.mark.shows("other-user")
def test_another_users_token_does_not_reach_this_users_job(caller, standin):
    ours = submit(client(caller("ada")))
    before = len(standin.calls)
    with pytest.raises(NotFoundError):
        get_job.sync(ours, client=client(caller("bob")))
    assert {call.account for call in standin.calls[before:]} <= {"bob"}


@pytest.mark.shows("other-user", "organization", "list")
def test_members_who_share_a_token_do_not_reach_each_others_jobs(bellhop, caller, standin):
    grace, erin = client(caller("grace")), client(caller("erin"))
    of_grace, of_erin = submit(grace, "hold"), submit(erin, "hold")
    for member, mine, other in ((grace, of_grace, of_erin), (erin, of_erin, of_grace)):
        before = len(standin.calls)
        for reach in (get_job, cancel_job, delete_job, get_job_probabilities):
            with pytest.raises(NotFoundError):
                reach.sync(other, client=member)
            assert bellhop.last_refusal()["refusal"] == "unknown-job"
        assert len(standin.calls) == before
        ids = {job.id for job in iter_jobs(member)}
        assert mine in ids and other not in ids
    assert cancel_job.sync(of_grace, client=grace).status == "canceled"
    assert get_job.sync(of_erin, client=erin).status != "canceled"
