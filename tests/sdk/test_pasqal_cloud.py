import pytest
from pasqal_cloud.authentication import TokenProviderError
from pasqal_cloud.endpoints import Endpoints, TokenProviderConf
from pasqal_cloud.errors import BatchCreationError, BatchFetchingError
from pasqal_cloud.pasqal_cloud_client import PasqalCloudClient
from pasqal_cloud.utils.constants import BatchStatus, JobStatus

from patience import until
from standins.pasqal import GRANT, Pasqal

STAND_IN = Pasqal
SEQUENCE = "a fake Pulser sequence"


@pytest.fixture
def pasqal(door, standin) -> PasqalCloudClient:
    # The real account's name belongs to the real password; Bellhop takes any name with its own token.
    username = standin.username(door.payer) if door.url == standin.url else "anybody@example.org"
    return client(door, door.payer, username)


def client(door, payer: str, username: str = "anybody@example.org") -> PasqalCloudClient:
    return PasqalCloudClient(
        username=username,
        password=door.token,
        project_id=Pasqal.project(payer),
        endpoints=Endpoints(core=f"{door.url}/core-fast", account=f"{door.url}/account"),
        auth_config=TokenProviderConf(
            token_endpoint=f"{door.url}/oauth/token",
            public_client_id=GRANT["client_id"],
            audience=GRANT["audience"],
            realm=GRANT["realm"],
            grant_type=GRANT["grant_type"],
        ),
    )


def submit(pasqal: PasqalCloudClient, sequence: str = SEQUENCE, jobs: int = 1, open: bool = False):
    return pasqal.create_batch(sequence, [{"runs": 50}] * jobs, open=open, device_type="EMU_FREE")


@pytest.mark.shows("submit", "poll", "result")
def test_a_batch_is_submitted_polled_and_counted(pasqal):
    batch = submit(pasqal, jobs=2)
    assert [job.status for job in batch.ordered_jobs] == ["PENDING", "PENDING"]
    assert pasqal.get_batch_status(batch.id) is BatchStatus.RUNNING
    assert pasqal.get_batch_status(batch.id) is BatchStatus.DONE
    again = pasqal.get_batch(batch.id)  # names its jobs by their ids, so that they are asked for
    assert [job.result for job in again.ordered_jobs] == [{"00": 25, "11": 25}] * 2
    assert pasqal.get_job(batch.ordered_jobs[1].id).status == "DONE"


@pytest.mark.shows("submit")
def test_jobs_are_added_to_a_batch_that_is_open(pasqal):
    batch = submit(pasqal, open=True)
    batch.add_jobs([{"runs": 10}])
    assert len(batch.ordered_jobs) == 2
    assert pasqal.get_job_status(batch.ordered_jobs[1].id) is JobStatus.RUNNING
    batch.close()
    assert not pasqal.get_batch(batch.id).open


@pytest.mark.shows("cancel")
def test_a_batch_and_a_job_are_cancelled(pasqal):
    batch = submit(pasqal, "hold")
    assert pasqal.cancel_job(batch.ordered_jobs[0].id).status == "CANCELED"
    batch.cancel()
    assert pasqal.get_batch_status(batch.id) is BatchStatus.CANCELED
    held = submit(pasqal, "hold")
    assert [batch.id for batch in pasqal.cancel_batches([held.id]).batches] == [held.id]


@pytest.mark.shows("list")
@pytest.mark.doors("alone", "own", "named", "pinned")
def test_batches_and_jobs_are_listed(pasqal):
    batch = submit(pasqal)
    assert batch.id in [listed.id for listed in pasqal.get_batches().results]
    assert batch.ordered_jobs[0].id in [listed.id for listed in pasqal.get_jobs().results]


def test_one_login_serves_many_requests(pasqal, standin):
    before = len(standin.exchanges)
    for _ in range(3):
        submit(pasqal)
    assert len(standin.exchanges) == before


def test_devices_are_known_without_a_credential(standin):
    endpoints = Endpoints(core=f"{standin.url}/core-fast", account=f"{standin.url}/account")
    assert PasqalCloudClient(endpoints=endpoints).get_device_specs_dict() == {"EMU_FREE": "{}"}


def test_devices_are_known_through_bellhop_without_a_credential(bellhop, standin):
    base = bellhop.url()
    endpoints = Endpoints(core=f"{base}/core-fast", account=f"{base}/account")
    assert PasqalCloudClient(endpoints=endpoints).get_device_specs_dict() == {"EMU_FREE": "{}"}
    assert not standin.calls[-1].values("authorization")


@pytest.mark.shows("wrong-token")
def test_an_unknown_token_is_refused(bellhop, unknown_caller):
    with pytest.raises(TokenProviderError) as refused:
        client(unknown_caller, "ada")
    assert bellhop.last_refusal()["refusal"] == "unknown-token"
    assert str(refused.value) == f"401: {bellhop.last_refusal()['detail']}"


def test_a_user_without_a_credential_is_told_what_to_do(bellhop, caller):
    with pytest.raises((TokenProviderError, BatchCreationError)) as refused:  # which has the text either way
        submit(client(caller("carol"), "carol"))
    assert bellhop.last_refusal()["refusal"] == "no-credential"
    assert bellhop.last_refusal()["detail"] in str(refused.value)


def test_another_project_than_the_credentials_is_refused(bellhop, standin, caller):
    pasqal = client(caller("ada"), "bob")
    before = len(standin.calls)
    with pytest.raises(BatchCreationError):
        submit(pasqal)
    assert bellhop.last_refusal()["refusal"] == "not-allowed"
    assert standin.calls[before:] == []


@pytest.mark.shows("other-user")
def test_another_users_token_does_not_reach_this_users_batch(standin, caller):
    ours = submit(client(caller("ada"), "ada"))
    before = len(standin.calls)
    with pytest.raises(BatchFetchingError, match="404"):
        client(caller("bob"), "bob").get_batch(ours.id)
    assert {call.account for call in standin.calls[before:]} <= {"bob"}


@pytest.mark.shows("organization")
def test_members_who_share_an_account_do_not_reach_each_others_batches(bellhop, standin, caller):
    grace, erin = (client(caller(name), "acme") for name in ("grace", "erin"))
    of_grace, of_erin = submit(grace, "hold"), submit(erin, "hold")
    for member, mine, other in ((grace, of_grace, of_erin), (erin, of_erin, of_grace)):
        before = len(standin.calls)
        with pytest.raises(BatchFetchingError, match="404"):
            member.get_batch(other.id)
        assert bellhop.last_refusal()["refusal"] == "unknown-job"
        assert [call for call in standin.calls[before:] if other.id in call.target] == []
        listed = [batch.id for batch in member.get_batches().results]
        assert mine.id in listed and other.id not in listed
        jobs = [job.id for job in member.get_jobs().results]
        assert mine.ordered_jobs[0].id in jobs and other.ordered_jobs[0].id not in jobs
    of_grace.cancel()
    assert grace.get_batch_status(of_grace.id) is BatchStatus.CANCELED
    assert erin.get_batch_status(of_erin.id) is BatchStatus.RUNNING


def test_a_token_that_the_provider_ended_early_is_renewed(standin, caller):
    pasqal = client(caller("ada"), "ada")
    batch = submit(pasqal)
    before = len(standin.exchanges)
    standin.revoke("ada")
    # A token that is refused when it is a few seconds old is not renewed: then the credential is not good.
    until(lambda: shows(pasqal, batch.id), "the token is not renewed")
    assert standin.exchanges[before:] == ["ada"]


def shows(pasqal: PasqalCloudClient, id: str) -> bool:
    try:
        return pasqal.get_batch(id).id == id
    except BatchFetchingError:
        return False
