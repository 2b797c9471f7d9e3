import pytest
from qcaas_client.client import OQCClient, QPUTask, ServerException

from standins.oqc import QPU, Oqc

STAND_IN = Oqc
REMARKS = {
    "list": "refused to members, whose own cannot be told from others'",
    "wrong-token": "in the SDK's log",
}
BELL_PAIR = 'OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; creg c[2]; h q[0]; cx q[0], q[1]; measure q -> c;'


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(OQCClient, "retry_cadence", [0.05])
    # Told of a failure, the SDK asks a page of its vendor's how things are: nothing goes out from here.
    monkeypatch.setattr("qcaas_client.client.check_status_page", lambda: None)


def client(door) -> OQCClient:
    return OQCClient(url=door.url, authentication_token=door.token)


def task(tag: str = "bell") -> QPUTask:
    return QPUTask(BELL_PAIR, tag=tag)


def submit(oqc: OQCClient, tag: str = "bell") -> str:
    return oqc.schedule_tasks(task(tag), QPU)[0].task_id


@pytest.mark.shows("submit", "poll", "result")
def test_a_task_is_run(door):
    oqc = client(door)
    (result,) = oqc.execute_tasks(task(), QPU)
    assert result.result == {"c": {"00": 100, "11": 100}}
    assert oqc.get_task_status(result.id, QPU) == "COMPLETED"
    assert oqc.get_task_results(result.id, QPU).result == result.result


@pytest.mark.shows("submit", "poll", "result")
def test_several_tasks_get_their_ids_first(door, standin):
    before = len(standin.calls)
    results = client(door).execute_tasks([task("one"), task("two")], QPU)
    assert [result.result for result in results] == [{"c": {"00": 100, "11": 100}}] * 2
    posts = [call.path for call in standin.calls[before:] if call.method == "POST"]
    assert posts == ["/stand-in/tasks", "/stand-in/tasks/submit"]


@pytest.mark.shows("submit", "cancel")
def test_a_task_is_cancelled(door):
    oqc = client(door)
    id = submit(oqc, "hold")
    assert oqc.get_task_execution_estimates(id, QPU)["task_wait_times"][0]["task_id"] == id
    oqc.cancel_task(id, QPU)
    assert oqc.get_task_status(id, QPU) == "CANCELLED"


@pytest.mark.shows("submit", "list")
@pytest.mark.doors("alone", "own", "named", "pinned")  # a member's list cannot be cut down to their own
def test_tasks_are_listed(door):
    oqc = client(door)
    id = submit(oqc)
    assert id in [listed["task_id"] for listed in oqc.get_tasks_summary(qpu_id=QPU)]


@pytest.mark.shows("wrong-token")
def test_an_unknown_token_is_refused(bellhop, unknown_caller, caplog):
    """It is sent with the first call already, which needs none; of that one's failure the SDK tells its log."""
    assert not client(unknown_caller).is_client_initialized
    assert bellhop.last_refusal()["refusal"] == "unknown-token"
    assert bellhop.last_refusal()["detail"] in caplog.text


def test_a_user_without_a_credential_is_told_what_to_do(bellhop, caller):
    with pytest.raises(ServerException) as refused:
        client(caller("carol"))
    assert bellhop.last_refusal()["refusal"] == "no-credential"
    assert bellhop.last_refusal()["detail"] in str(refused.value)


def test_tokens_are_neither_made_nor_asked_about(bellhop, caller, standin):
    """The second would take the caller's own to the provider, in the path."""
    oqc = client(caller("ada"))
    before = len(standin.calls)
    with pytest.raises(ServerException):
        oqc.create_auth_token("2030-01-01T00:00:00")
    assert bellhop.last_refusal()["refusal"] == "not-allowed"
    with pytest.raises(ServerException):
        oqc.get_token_expiry_time()
    assert bellhop.last_refusal()["refusal"] == "bad-request"
    assert len(standin.calls) == before


@pytest.mark.shows("other-user")
def test_another_users_token_does_not_reach_this_users_task(caller, standin):
    ours = submit(client(caller("ada")))
    before = len(standin.calls)
    with pytest.raises(ServerException) as refused:
        client(caller("bob")).get_task(ours, QPU)
    assert refused.value.server_error_code == 404
    assert {call.account for call in standin.calls[before:]} <= {"bob", None}


@pytest.mark.shows("other-user", "organization")
def test_members_who_share_a_token_do_not_reach_each_others_tasks(bellhop, caller, standin):
    grace, erin = client(caller("grace")), client(caller("erin"))
    of_grace, of_erin = submit(grace, "hold"), submit(erin, "hold")
    for member, mine, other in ((grace, of_grace, of_erin), (erin, of_erin, of_grace)):
        member._get_qpu_endpoint(QPU)
        before = len(standin.calls)
        for reach in (
            lambda: member.get_task(other, QPU),
            lambda: member.get_task_results(other, QPU),
            lambda: member.cancel_task([mine, other], QPU),
            lambda: member.get_task_execution_estimates([mine, other], QPU),
        ):
            with pytest.raises(ServerException) as refused:
                reach()
            assert refused.value.server_error_code == 404
            assert bellhop.last_refusal()["refusal"] == "unknown-job"
        with pytest.raises(ServerException):
            member.get_tasks_summary(qpu_id=QPU)
        assert bellhop.last_refusal()["refusal"] == "not-allowed"
        assert len(standin.calls) == before
    grace.cancel_task(of_grace, QPU)
    assert erin.get_task_status(of_erin, QPU) == "RUNNING"
