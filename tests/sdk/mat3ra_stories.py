"""What both of Mat3ra's SDKs do alike: their endpoints of jobs and projects are the same, only the package differs.

A test module takes these tests in with `import *` and has `endpoints(name, host, port, account_id, token)`.
"""

from urllib.parse import urlsplit

import pytest
from requests import HTTPError

from standins.mat3ra import account_id

__all__ = [
    "connect",
    "submit",
    "test_a_job_is_made_submitted_and_polled",
    "test_a_job_is_deleted",
    "test_jobs_are_listed",
    "test_an_unknown_token_is_refused",
    "test_a_user_without_a_credential_is_told_what_to_do",
    "test_another_users_token_does_not_reach_this_users_job",
    "test_members_who_share_a_token_do_not_reach_each_others_jobs",
]


def connect(request, door, name: str = "jobs"):
    at = urlsplit(door.url)
    # Straight to the provider only the account's own id will do; Bellhop puts it in the place of any other.
    account = account_id(door.payer) if door.token.startswith("DEV-") else "me"
    return request.module.endpoints(name, at.hostname, at.port, account, door.token)


def submit(request, door, name: str = "bell") -> str:
    (project,) = connect(request, door, "projects").list({"isDefault": True})
    jobs = connect(request, door)
    id = jobs.create({"name": name, "_project": {"_id": project["_id"]}, "workflow": {"subworkflows": []}})["_id"]
    jobs.submit(id)
    return id


def told(request, bellhop) -> str:
    """What the SDK makes of a refusal."""
    return request.module.TOLD.format_map(bellhop.last_refusal())


@pytest.mark.shows("submit", "poll", "result")
def test_a_job_is_made_submitted_and_polled(request, door):
    id = submit(request, door)
    jobs = connect(request, door)
    assert [jobs.get(id)["status"] for _ in range(2)] == ["active", "finished"]
    assert jobs.list_files(id)[0]["signedURL"].startswith("https://storage.invalid/")


@pytest.mark.shows("submit", "cancel")
def test_a_job_is_deleted(request, door):
    id = submit(request, door, "hold")
    jobs = connect(request, door)
    jobs.delete(id)
    with pytest.raises(HTTPError, match="404"):
        jobs.get(id)


@pytest.mark.shows("submit", "list")
def test_jobs_are_listed(request, door):
    id = submit(request, door, "listed")
    assert id in [job["_id"] for job in connect(request, door).list({"name": "listed"})]


@pytest.mark.shows("wrong-token")
def test_an_unknown_token_is_refused(request, bellhop, unknown_caller):
    with pytest.raises(HTTPError) as refused:
        connect(request, unknown_caller).list()
    assert bellhop.last_refusal()["refusal"] == "unknown-token"
    assert told(request, bellhop) in str(refused.value)


def test_a_user_without_a_credential_is_told_what_to_do(request, bellhop, caller):
    with pytest.raises(HTTPError) as refused:
        connect(request, caller("carol")).list()
    assert bellhop.last_refusal()["refusal"] == "no-credential"
    assert told(request, bellhop) in str(refused.value)


@pytest.mark.shows("other-user")
def test_another_users_token_does_not_reach_this_users_job(request, caller, standin):
    ours = submit(request, caller("ada"))
    before = len(standin.calls)
    with pytest.raises(HTTPError, match="404"):
        connect(request, caller("bob")).get(ours)
    assert {call.account for call in standin.calls[before:]} <= {"bob"}


@pytest.mark.shows("other-user", "organization", "list")
def test_members_who_share_a_token_do_not_reach_each_others_jobs(request, bellhop, caller, standin):
    grace, erin = (connect(request, caller(user)) for user in ("grace", "erin"))
    of_grace, of_erin = (submit(request, caller(user), "hold") for user in ("grace", "erin"))
    for member, mine, other in ((grace, of_grace, of_erin), (erin, of_erin, of_grace)):
        before = len(standin.calls)
        for reach in (member.get, member.delete, member.submit, member.list_files):
            with pytest.raises(HTTPError, match="404"):
                reach(other)
            assert bellhop.last_refusal()["refusal"] == "unknown-job"
        assert len(standin.calls) == before
        ids = {job["_id"] for job in member.list()}
        assert mine in ids and other not in ids
    grace.delete(of_grace)
    assert erin.get(of_erin)["status"] == "active"
