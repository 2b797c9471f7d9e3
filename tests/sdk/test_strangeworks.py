import pytest
from strangeworks.core.config.config import Config
from strangeworks.sw_client import SWClient
from strangeworks_core.errors.error import StrangeworksError

from patience import until
from standins.core import Answer
from standins.exchange import ERROR_IN_A_200, HTML, UNAVAILABLE
from standins.strangeworks import PRODUCT, Strangeworks

STAND_IN = Strangeworks
CANNOT = {"cancel": "the SDK has no call for it"}
REMARKS = {
    "other-user": "not so among members who share a key: they share its workspace",
    "wrong-token": "by its status, 401, in the traceback",
}
PAYLOAD = {"shots": 100}


@pytest.fixture
def strangeworks(door, standin) -> SWClient:
    return client(door.url, door.token) if door.url == standin.url else at_path(door)


def at_path(door) -> SWClient:
    """The SDK keeps a path only with a slash at its end, and then sends two where one belongs."""
    return client(f"{door.url}/", door.token)


def client(url: str, key: str) -> SWClient:
    strangeworks = SWClient(cfg=Config())
    strangeworks.authenticate(key, url, store_credentials=False)
    return strangeworks


def submit(strangeworks: SWClient) -> str:
    [resource] = strangeworks.resources()
    return strangeworks.execute(resource, payload=PAYLOAD, endpoint="jobs")["slug"]


def status(strangeworks: SWClient, slug: str) -> str:
    [job] = strangeworks.jobs(slug=slug)
    return job.status.value


@pytest.mark.shows("submit", "poll", "result")
def test_a_job_is_submitted_polled_and_its_result_downloaded(strangeworks, door):
    assert strangeworks.workspace_info().slug == door.payer
    slug = submit(strangeworks)
    assert [status(strangeworks, slug) for _ in range(2)] == ["RUNNING", "COMPLETED"]
    assert strangeworks.download_job_files(slug) == [{"counts": {"00": 50, "11": 50}, "payload": PAYLOAD}]


def test_a_product_is_called_by_its_name(strangeworks):
    assert strangeworks.execute_post(PRODUCT, payload=PAYLOAD, endpoint="jobs")["status"] == "QUEUED"


@pytest.mark.shows("list")
def test_jobs_are_listed_and_tagged(strangeworks):
    slug = submit(strangeworks)
    strangeworks.add_tags(slug, ["fake"])
    assert ["fake"] in [job.tags for job in strangeworks.jobs() if job.slug == slug]
    assert [backend.name for backend in strangeworks.get_backends()] == ["Fake"]


def reasons(error: BaseException | None) -> list[str]:
    """What a traceback prints, innermost last."""
    return [str(error), *reasons(error.__cause__)] if error else []


@pytest.mark.shows("wrong-token")
def test_an_unknown_token_is_refused(bellhop, unknown_caller):
    with pytest.raises(StrangeworksError, match="Unable to obtain bearer token") as refused:  # the SDK's fixed text
        at_path(unknown_caller)
    assert any("401" in reason for reason in reasons(refused.value))
    assert bellhop.last_refusal()["refusal"] == "unknown-token"


def test_a_user_without_a_credential_is_told_what_to_do(bellhop, caller):
    with pytest.raises(StrangeworksError) as refused:
        at_path(caller("carol"))
    assert bellhop.last_refusal()["refusal"] == "no-credential"
    assert any(bellhop.last_refusal()["detail"] in reason for reason in reasons(refused.value))


@pytest.mark.shows("other-user")
def test_another_users_token_does_not_reach_this_users_job(standin, caller):
    ours = submit(at_path(caller("ada")))
    before = len(standin.calls)
    assert at_path(caller("bob")).jobs(slug=ours) == []
    assert {call.account for call in standin.calls[before:]} <= {"bob"}


def test_the_port_needs_no_second_slash(bellhop):
    assert submit(client(bellhop.port_url, bellhop.tokens["ada", "laptop"])).startswith("job-")


@pytest.mark.parametrize(
    ("spoiled", "refusal"),
    [
        (Answer(401, {"message": "Wrong key"}), "credential-refused"),
        (ERROR_IN_A_200, "credential-refused"),
        (HTML, "upstream-unreachable"),
        (UNAVAILABLE, "upstream-unreachable"),
    ],
    ids=["refused", "refused with a 200", "HTML", "unavailable"],
)
def test_an_exchange_that_fails_is_told_and_hurts_nobody_else(bellhop, standin, caller, spoiled, refusal):
    ada, bob = at_path(caller("ada")), at_path(caller("bob"))
    before = len(standin.exchanges)
    standin.revoke("bob")
    standin.spoil(spoiled)
    try:
        # What is very new is not renewed at once.
        until(lambda: not works(bob) and len(standin.exchanges) > before, "the token that has ended is not renewed")
        with pytest.raises(StrangeworksError) as refused:
            bob.resources()
        told = bellhop.last_refusal()
        assert ada.resources()
    finally:
        standin.spoil(None)
    assert told["refusal"] == refusal
    assert any(told["detail"] in reason for reason in reasons(refused.value))
    until(lambda: works(bob), "the exchange is not tried again")


def works(strangeworks: SWClient) -> bool:
    try:
        return bool(strangeworks.resources())
    except StrangeworksError:
        return False
