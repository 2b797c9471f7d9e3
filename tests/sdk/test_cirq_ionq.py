import cirq
import cirq_ionq
import pytest
from cirq_ionq.ionq_exceptions import IonQException, IonQNotFoundException

from standins.ionq import IonQ

STAND_IN = IonQ
DROPS_PATH = True
DOORS = ("alone", "own", "organization", "pinned")  # no path, so no context in it
REMARKS = {"wrong-token": "by a text of the SDK's own, which shows none of Bellhop's"}


def service(door) -> cirq_ionq.Service:
    return cirq_ionq.Service(remote_host=door.url, api_key=door.token, default_target="simulator", max_retry_seconds=5)


def bell_pair() -> cirq.Circuit:
    one, two = cirq.LineQubit.range(2)
    return cirq.Circuit(cirq.H(one), cirq.CX(one, two), cirq.measure(one, two, key="m"))


@pytest.mark.shows("submit", "poll", "result")
def test_a_circuit_is_submitted_polled_and_counted(door):
    job = service(door).create_job(bell_pair(), repetitions=200)
    result = job.results(timeout_seconds=30, polling_seconds=0.05)
    assert result.probabilities() == {0: 0.5, 3: 0.5} and result.repetitions() == 200
    assert service(door).get_job(job.job_id()).status() == "completed"


@pytest.mark.shows("submit", "poll", "result")
def test_several_circuits_make_one_job(door):
    job = service(door).create_batch_job([bell_pair(), bell_pair()], repetitions=100)
    results = job.results(timeout_seconds=30, polling_seconds=0.05)
    assert [result.probabilities() for result in results] == [{0: 0.5, 3: 0.5}] * 2


@pytest.mark.shows("submit", "cancel")
def test_a_job_is_cancelled_and_deleted(door):
    job = service(door).create_job(bell_pair(), name="hold")
    assert job.status() == "started"
    job.cancel()
    assert job.status() == "canceled"
    job.delete()
    with pytest.raises(IonQNotFoundException):
        service(door).get_job(job.job_id())


@pytest.mark.shows("submit", "list")
def test_jobs_are_listed(door, standin):
    job = service(door).create_job(bell_pair())
    # The SDK asks until it has as many as it wants; and it asks with a body.
    (newest,) = service(door)._client.list_jobs(limit=1)
    assert newest["id"] == job.job_id()
    assert standin.calls[-1].json == {"limit": 1000}


@pytest.mark.shows("wrong-token")
def test_an_unknown_token_is_refused(bellhop, unknown_caller):
    with pytest.raises(IonQException, match="Not authorized.*correct API key") as refused:  # the SDK's fixed text
        service(unknown_caller).create_job(bell_pair())
    assert refused.value.status_code == 401
    assert bellhop.last_refusal()["refusal"] == "unknown-token"


def test_a_user_without_a_credential_is_told_what_to_do(bellhop, caller):
    with pytest.raises(IonQException) as refused:
        service(caller("carol")).create_job(bell_pair())
    assert refused.value.status_code == 403
    assert bellhop.last_refusal()["detail"] in str(refused.value)


@pytest.mark.shows("other-user")
def test_another_users_token_does_not_reach_this_users_job(caller, standin):
    ours = service(caller("ada")).create_job(bell_pair()).job_id()
    before = len(standin.calls)
    with pytest.raises(IonQNotFoundException):
        service(caller("bob")).get_job(ours)
    assert {call.account for call in standin.calls[before:]} <= {"bob"}


@pytest.mark.shows("other-user", "organization")
def test_members_who_share_a_token_do_not_reach_each_others_jobs(bellhop, caller, standin):
    grace, erin = service(caller("grace")), service(caller("erin"))
    of_grace, of_erin = grace.create_job(bell_pair(), name="hold"), erin.create_job(bell_pair(), name="hold")
    for member, mine, other in ((grace, of_grace, of_erin), (erin, of_erin, of_grace)):
        before = len(standin.calls)
        with pytest.raises(IonQNotFoundException):
            member.get_job(other.job_id())
        assert bellhop.last_refusal()["refusal"] == "unknown-job"
        assert len(standin.calls) == before
        assert {job["id"] for job in member._client.list_jobs(limit=1)} == {mine.job_id()}
    of_grace.cancel()
    assert (of_grace.status(), of_erin.status()) == ("canceled", "started")
