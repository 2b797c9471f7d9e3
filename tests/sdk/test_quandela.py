import pytest
from perceval import BS, BasicState, RemoteProcessor
from perceval.runtime import RemoteJob
from requests import HTTPError

from standins.quandela import PLATFORM, Quandela

STAND_IN = Quandela
CANNOT = {"list": "the SDK has no call for it"}
REMARKS = {"wrong-token": "by its status, 401; the SDK shows no text"}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(RemoteJob, "STATUS_REFRESH_DELAY", 0)  # else a look is a look only once a second


def processor(door) -> RemoteProcessor:
    return RemoteProcessor(PLATFORM, token=door.token, url=door.url, m=2)


def submit(remote: RemoteProcessor, name: str = "beam-splitter") -> RemoteJob:
    remote.add(0, BS())
    remote.with_input(BasicState([1, 0]))
    remote.min_detected_photons_filter(1)
    job = RemoteJob(remote.prepare_job_payload("sample_count", max_shots=200), remote.get_rpc_handler(), name)
    return job.execute_async()


@pytest.mark.shows("submit", "poll", "result")
def test_a_circuit_is_submitted_polled_and_counted(door):
    remote = processor(door)
    job = submit(remote)
    while not job.is_complete:
        pass
    assert {str(state): count for state, count in job.get_results()["results"].items()} == {"|1,0>": 100, "|0,1>": 100}
    assert str(remote.resume_job(job.id).status) == "SUCCESS"


@pytest.mark.shows("submit", "cancel")
def test_a_job_is_cancelled_and_run_again(door):
    remote = processor(door)
    job = submit(remote, "hold")
    job.cancel()
    assert str(job.status) == "CANCELED"
    again = job.rerun()
    assert again.id != job.id and again.status.running


@pytest.mark.shows("wrong-token")
def test_an_unknown_token_is_refused(bellhop, unknown_caller):
    with pytest.raises(HTTPError, match="401 Client Error: Unauthorized"):  # a platform's refusal shows no text
        processor(unknown_caller)
    assert bellhop.last_refusal()["refusal"] == "unknown-token"


def test_a_user_without_a_credential_is_refused(bellhop, caller):
    with pytest.raises(HTTPError, match="403 Client Error"):
        processor(caller("carol"))
    assert bellhop.last_refusal()["refusal"] == "no-credential"


@pytest.mark.shows("other-user")
def test_another_users_token_does_not_reach_this_users_job(caller, standin):
    ours = submit(processor(caller("ada"))).id
    before = len(standin.calls)
    with pytest.raises(HTTPError, match="404"):
        processor(caller("bob")).resume_job(ours).status
    assert {call.account for call in standin.calls[before:]} <= {"bob"}


@pytest.mark.shows("other-user", "organization")
def test_members_who_share_a_token_do_not_reach_each_others_jobs(bellhop, caller, standin):
    grace, erin = processor(caller("grace")), processor(caller("erin"))
    of_grace, of_erin = submit(grace, "hold"), submit(erin, "hold")
    for member, other in ((grace, of_erin), (erin, of_grace)):
        handler, before = member.get_rpc_handler(), len(standin.calls)
        for reach in (handler.get_job_status, handler.get_job_results, handler.cancel_job, handler.rerun_job):
            with pytest.raises(HTTPError, match="404"):
                reach(other.id)
            assert bellhop.last_refusal()["refusal"] == "unknown-job"
        assert len(standin.calls) == before
    of_grace.cancel()
    assert str(of_grace.status) == "CANCELED" and of_erin.status.running
