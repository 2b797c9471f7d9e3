import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from braket.aws import AwsDevice, AwsQuantumTask, AwsSession
from braket.circuits import Circuit

import pats
from standins.braket import DEVICE, REGION, Braket, bucket, key_id

STAND_IN = Braket

FORMS = {
    "key": "the token as access key id and as secret access key",
    "session": "the token as session token and as secret access key, with any access key id",
}


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


@pytest.fixture
def braket(door, form, monkeypatch):
    """Everything that the SDK is told: variables in the environment."""
    sign_in(door.url, door.token, form, monkeypatch)
    # Whoever manages the credential may make the SDK's own bucket; a member is told of it.
    if door.payer == "acme":
        monkeypatch.setenv("AMZN_BRAKET_OUT_S3_BUCKET", bucket("acme"))


def sign_in(url, token, form, monkeypatch):
    real = {"DEV-fakefakefake-ada-0451bb5bb21cd31f9c0f": key_id("ada")}
    key = real.get(token, token)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", token)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    if form == "key" or key != token:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    else:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAWHATEVER")
        monkeypatch.setenv("AWS_SESSION_TOKEN", token)


def client(service, **more):
    # Not `boto3.client`, which keeps the first credentials that it ever saw.
    return boto3.Session().client(service, **more)


def bell_pair() -> Circuit:
    return Circuit().h(0).cnot(0, 1)


@pytest.mark.shows("submit", "poll", "result")
def test_a_circuit_is_submitted_polled_and_counted(braket):
    task = AwsDevice(DEVICE).run(bell_pair(), shots=100)
    counts = task.result().measurement_counts
    assert counts == {"00": 50, "11": 50}
    assert task.state() == "COMPLETED"


@pytest.mark.shows("submit", "cancel")
def test_a_task_is_cancelled(braket):
    task = AwsDevice(DEVICE).run(bell_pair(), shots=7)
    assert task.state() == "QUEUED"
    task.cancel()
    assert task.state() == "CANCELLED"


@pytest.mark.shows("submit", "list")
def test_tasks_are_listed(braket):
    task = AwsDevice(DEVICE).run(bell_pair(), shots=10)
    listed = client("braket").search_quantum_tasks(filters=[])["quantumTasks"]
    assert task.id in [summary["quantumTaskArn"] for summary in listed]


def test_a_file_is_uploaded_and_read_again(braket, door, tmp_path):
    # In the organization's storage a member has what is below their own name.
    who = "grace" if door.payer == "acme" else "anybody"
    session = AwsSession()
    (file := tmp_path / "a b").write_bytes(b"fake" * 100)
    place = f"s3://{bucket(door.payer)}/uploads/{who}/a%20b+c"
    session.upload_to_s3(str(file), place)
    session.download_from_s3(place, str(tmp_path / "again"))
    assert (tmp_path / "again").read_bytes() == file.read_bytes()
    assert session.list_keys(bucket(door.payer), f"uploads/{who}/") == [f"uploads/{who}/a%20b+c"]


@pytest.mark.shows("wrong-token")
def test_an_unknown_token_is_refused(bellhop, stranger, form, monkeypatch):
    sign_in(bellhop.url(), stranger, form, monkeypatch)
    with pytest.raises(ClientError, match="unknown-token.*no valid Bellhop token"):
        AwsDevice(DEVICE)
    for call in (client("s3").list_buckets, client("sts").get_caller_identity):
        with pytest.raises(ClientError, match="unknown-token.*no valid Bellhop token"):
            call()


def test_a_user_without_a_credential_is_told_what_to_do(bellhop, form, monkeypatch):
    sign_in(bellhop.url(), bellhop.tokens["carol", "laptop"], form, monkeypatch)
    for call in (lambda: AwsDevice(DEVICE), client("sts").get_caller_identity):
        with pytest.raises(ClientError, match="no-credential.*bellhop credential add"):
            call()


def test_a_secret_that_is_not_the_token_is_refused(bellhop, monkeypatch):
    sign_in(bellhop.url(), bellhop.tokens["ada", "laptop"], "key", monkeypatch)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", pats.mint())
    with pytest.raises(ClientError, match="bad-request.*does not match"):
        AwsDevice(DEVICE)


@pytest.mark.shows("other-user")
def test_another_users_token_does_not_reach_this_users_task(bellhop, standin, monkeypatch):
    sign_in(bellhop.url(), bellhop.tokens["ada", "laptop"], "key", monkeypatch)
    task = AwsDevice(DEVICE).run(bell_pair(), shots=10)
    sign_in(bellhop.url(), bellhop.tokens["bob", "laptop"], "key", monkeypatch)
    before = len(standin.calls)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        AwsQuantumTask(task.id).state()
    assert {call.account for call in standin.calls[before:]} <= {"bob"}


def test_members_who_share_a_key_do_not_reach_each_others_tasks_and_results(bellhop, standin, monkeypatch):
    monkeypatch.setenv("AMZN_BRAKET_OUT_S3_BUCKET", bucket("acme"))
    tasks = {}
    for member in ("grace", "erin"):
        sign_in(bellhop.url(), bellhop.tokens[member, "laptop"], "key", monkeypatch)
        tasks[member] = AwsDevice(DEVICE).run(bell_pair(), shots=10)
    for member, other in (("grace", "erin"), ("erin", "grace")):
        sign_in(bellhop.url(), bellhop.tokens[member, "laptop"], "key", monkeypatch)
        assert AwsQuantumTask(tasks[member].id).result().measurement_counts == {"00": 5, "11": 5}
        theirs = tasks[other].id.rpartition("/")[2]
        before = len(standin.calls)
        with pytest.raises(ClientError, match="unknown-job"):
            AwsQuantumTask(tasks[other].id).state()
        with pytest.raises(ClientError, match="unknown-job"):
            AwsSession().retrieve_s3_object_body(bucket("acme"), f"tasks/{theirs}/results.json")
        with pytest.raises(ClientError, match="unknown-job"):
            AwsSession().list_keys(bucket("acme"), f"tasks/{theirs}/")
        with pytest.raises(ClientError, match="not-allowed.*not yours"):
            client("s3").put_object(Bucket=bucket("acme"), Key=f"uploads/{other}/a", Body=b"a")
        assert len(standin.calls) == before
        listed = client("braket").search_quantum_tasks(filters=[])["quantumTasks"]
        arns = [summary["quantumTaskArn"] for summary in listed]
        assert tasks[member].id in arns and tasks[other].id not in arns


def test_results_go_where_the_credential_says(bellhop, standin, monkeypatch):
    sign_in(bellhop.url(), bellhop.tokens["ada", "laptop"], "key", monkeypatch)
    before = len(standin.calls)
    device = AwsDevice(DEVICE)
    for place in (("amazon-braket-elsewhere", "tasks"), (bucket("ada"), "other")):
        with pytest.raises(ClientError, match="not-allowed.*not good for"):
            device.run(bell_pair(), place, shots=10)
    with pytest.raises(ClientError, match="not-allowed.*not good for"):
        client("s3").get_object(Bucket="amazon-braket-elsewhere", Key="tasks/a")
    assert [call.path for call in standin.calls[before:] if not call.path.startswith("/device")] == []


def test_services_and_regions_off_the_list_are_refused(bellhop, standin, monkeypatch):
    sign_in(bellhop.url(), bellhop.tokens["ada", "laptop"], "key", monkeypatch)
    before = len(standin.calls)
    with pytest.raises(ClientError, match="signed for a service.*braket, s3, sts"):
        client("logs").describe_log_groups()
    with pytest.raises(ClientError, match="not-allowed.*us-east-1, us-west-1"):
        client("braket", region_name="ap-south-1").search_devices(filters=[])
    with pytest.raises(ClientError, match="not-allowed.*GetCallerIdentity"):
        client("sts").assume_role(RoleArn="arn:aws:iam::111111111111:role/fake", RoleSessionName="fake")
    with pytest.raises(ClientError, match="not-allowed"):
        client("s3").list_buckets()
    with pytest.raises(ClientError, match="not-allowed"):
        client("s3").put_bucket_acl(Bucket=bucket("ada"), ACL="public-read")
    with pytest.raises(ClientError, match="not-allowed.*x-amz-copy-source"):
        client("s3").copy_object(Bucket=bucket("ada"), Key="tasks/a", CopySource="another/object")
    assert len(standin.calls) == before


def test_a_host_name_needs_buckets_in_the_path(bellhop, monkeypatch):
    named = bellhop.url().replace("127.0.0.1", "localhost")
    sign_in(named, bellhop.tokens["ada", "laptop"], "key", monkeypatch)
    s3 = client("s3", config=Config(s3={"addressing_style": "path"}))
    s3.put_object(Bucket=bucket("ada"), Key="uploads/a", Body=b"fake")
    assert s3.get_object(Bucket=bucket("ada"), Key="uploads/a")["Body"].read() == b"fake"
