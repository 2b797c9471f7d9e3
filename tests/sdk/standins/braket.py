"""Amazon Braket, S3 and STS on one origin. Every request must be signed with exactly one account's key, by the rules of
botocore, which does the checking here."""

import json
import re
import uuid
from collections.abc import Iterable
from urllib.parse import unquote

from .core import Answer, Call, StandIn, route

REGION = "us-west-2"
DEVICE = "arn:aws:braket:::device/quantum-simulator/amazon/sv1"
NUMBERS = {"ada": "111111111111", "bob": "222222222222", "acme": "333333333333"}
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<date>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, "
    r"SignedHeaders=(?P<signed>[^,]+), Signature=(?P<signature>[0-9a-f]{64})"
)


class Braket(StandIn):
    """A task is running at the first look and completed at the second; one of 7 shots stays queued."""

    provider = "braket"
    credential_header = "authorization"

    def __init__(self, accounts):
        super().__init__(accounts)
        self.tasks: dict[str, dict] = {}
        self.buckets: dict[str, str] = {}
        self.objects: dict[str, bytes] = {}

    @classmethod
    def fields(cls, account: str, token: str) -> dict[str, str]:
        # The second prefix is for uploads.
        listed = f"{bucket(account)}/tasks, {bucket(account)}/uploads"
        return {"access_key_id": key_id(account), "secret_access_key": token, "s3": listed}

    def refusal(self, status, text):
        code = {404: "ResourceNotFoundException", 400: "ValidationException"}.get(status, "AccessDeniedException")
        return Answer(status, {"message": text}, {"x-amzn-ErrorType": code})

    def _objections(self, call: Call) -> Iterable[str]:
        yield from super()._objections(call)
        if call.values("x-amz-security-token"):
            yield "a session token came through, and no account has one"

    def _account(self, call: Call) -> str | None:
        claim = [AUTHORIZATION.fullmatch(value) for value in call.values("authorization")]
        if len(claim) != 1 or not claim[0]:
            return None
        claim = claim[0].groupdict()
        if claim["region"] != REGION or claim["service"] != service_of(call):
            return None
        for token, account in self.accounts.items():
            if claim["key"] == key_id(account) and claim["signature"] == signature(call, claim, token):
                return account
        return None

    # STS

    @route("POST", r"/")
    def identity(self, call: Call):
        assert b"Action=GetCallerIdentity" in call.body, call.body
        inner = f"<Arn>arn:aws:iam::{NUMBERS[call.account]}:user/{call.account}</Arn><UserId>AID</UserId><Account>{NUMBERS[call.account]}</Account>"
        text = f"<GetCallerIdentityResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><GetCallerIdentityResult>{inner}</GetCallerIdentityResult></GetCallerIdentityResponse>"
        return Answer(200, text.encode(), {"Content-Type": "text/xml"})

    # S3

    @route("PUT", r"/(?P<name>amazon-braket-[^/]+)")
    def create_bucket(self, call: Call, name: str):
        owner = self.buckets.setdefault(name, call.account)
        if owner != call.account:
            return s3_error(409, "BucketAlreadyExists")
        return Answer(200, b"", {"Location": f"/{name}"})

    @route("PUT", r"/(?P<place>amazon-braket-[^/]+/.+)")
    def put(self, call: Call, place: str):
        if not self._owns(call, place):
            return s3_error(403, "AccessDenied")
        self.objects[unquote(place)] = call.body
        return Answer(200, b"", {"ETag": '"fake"'})

    @route("GET", r"/(?P<place>amazon-braket-[^/]+/.+)")
    def get(self, call: Call, place: str):
        found = self.objects.get(unquote(place)) if self._owns(call, place) else None
        return s3_error(404, "NoSuchKey") if found is None else Answer(200, found)

    @route("HEAD", r"/(?P<place>amazon-braket-[^/]+/.+)")
    def head(self, call: Call, place: str):
        return self.get(call, place)

    @route("GET", r"/(?P<name>amazon-braket-[^/]+)")
    def list_objects(self, call: Call, name: str):
        prefix = f"{name}/{unquote(call.query.get('prefix', ''))}"
        keys = [place.removeprefix(f"{name}/") for place in self.objects if place.startswith(prefix)]
        contents = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in keys)
        text = f"<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>"
        return Answer(200, text.encode(), {"Content-Type": "application/xml"})

    def _owns(self, call: Call, place: str) -> bool:
        return place.partition("/")[0] == bucket(call.account)

    # Braket

    @route("GET", r"/device/(?P<arn>[^/]+)")
    def device(self, call: Call, arn: str):
        if unquote(arn) != DEVICE:
            return self.refusal(404, "no such device")
        said = {"deviceArn": DEVICE, "deviceName": "SV1", "providerName": "Amazon Braket", "deviceType": "SIMULATOR"}
        return Answer(200, said | {"deviceStatus": "ONLINE", "deviceCapabilities": json.dumps(CAPABILITIES)})

    @route("POST", r"/quantum-task")
    def submit(self, call: Call):
        asked = call.json
        id = str(uuid.uuid4())
        arn = f"arn:aws:braket:{REGION}:{NUMBERS[call.account]}:quantum-task/{id}"
        folder = f"{asked['outputS3KeyPrefix']}/{id}"
        self.tasks[arn] = {
            "quantumTaskArn": arn,
            "status": "QUEUED",
            "deviceArn": asked["deviceArn"],
            "deviceParameters": asked.get("deviceParameters", "{}"),
            "shots": asked["shots"],
            "outputS3Bucket": asked["outputS3Bucket"],
            "outputS3Directory": folder,
            "createdAt": "2026-11-01T00:00:00Z",
        }
        self.objects[f"{asked['outputS3Bucket']}/{folder}/results.json"] = json.dumps(result(arn, asked)).encode()
        return Answer(201, {"quantumTaskArn": arn})

    @route("GET", r"/quantum-task/(?P<arn>[^/]+)")
    def show(self, call: Call, arn: str):
        task = self._mine(call, arn)
        if task is None:
            return self.refusal(404, "no such task")
        if task["shots"] != 7 and task["status"] in (steps := {"QUEUED": "RUNNING", "RUNNING": "COMPLETED"}):
            task["status"] = steps[task["status"]]
        return Answer(200, task)

    @route("PUT", r"/quantum-task/(?P<arn>[^/]+)/cancel")
    def cancel(self, call: Call, arn: str):
        task = self._mine(call, arn)
        if task is None:
            return self.refusal(404, "no such task")
        task["status"] = "CANCELLED"
        return Answer(200, {"quantumTaskArn": task["quantumTaskArn"], "cancellationStatus": "CANCELLED"})

    @route("POST", r"/quantum-tasks")
    def search(self, call: Call):
        shown = ("quantumTaskArn", "status", "deviceArn", "shots", "outputS3Bucket", "outputS3Directory", "createdAt")
        mine = [task for task in self.tasks.values() if f":{NUMBERS[call.account]}:" in task["quantumTaskArn"]]
        return Answer(200, {"quantumTasks": [{name: task[name] for name in shown} for task in mine]})

    def _mine(self, call: Call, arn: str) -> dict | None:
        task = self.tasks.get(unquote(arn))
        return task if task and f":{NUMBERS[call.account]}:" in task["quantumTaskArn"] else None


def key_id(account: str) -> str:
    return f"AKIAFAKEFAKE{account.upper()}0001"


def bucket(account: str) -> str:
    """The one that the SDK makes for an account by itself."""
    return f"amazon-braket-{REGION}-{NUMBERS[account]}"


def service_of(call: Call) -> str:
    if call.path == "/":
        return "sts"
    return "s3" if call.path.startswith("/amazon-braket-") else "braket"


def signature(call: Call, claim: dict, secret: str) -> str:
    # Here, so that the stand-in can be looked at where the SDK is not installed.
    from botocore.auth import S3SigV4Auth, SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    signer = S3SigV4Auth if claim["service"] == "s3" else SigV4Auth
    signer = signer(Credentials(claim["key"], secret), claim["service"], claim["region"])
    signed = {name: value for name, value in call.headers if name.lower() in claim["signed"].split(";")}
    url = f"http://{call.values('host')[0]}{call.target}"
    request = AWSRequest(call.method, url=url, headers=signed, data=call.body)
    request.context["timestamp"] = call.values("x-amz-date")[0]
    return signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)


def s3_error(status: int, code: str) -> Answer:
    return Answer(status, f"<Error><Code>{code}</Code><Message>fake</Message></Error>".encode(), {"Content-Type": "application/xml"})


def result(arn: str, asked: dict) -> dict:
    half = asked["shots"] // 2
    return {
        "braketSchemaHeader": {"name": "braket.task_result.gate_model_task_result", "version": "1"},
        "measurements": [[0, 0]] * half + [[1, 1]] * (asked["shots"] - half),
        "measuredQubits": [0, 1],
        "taskMetadata": {
            "braketSchemaHeader": {"name": "braket.task_result.task_metadata", "version": "1"},
            "id": arn,
            "shots": asked["shots"],
            "deviceId": asked["deviceArn"],
        },
        "additionalMetadata": {"action": json.loads(asked["action"])},
    }


def _header(name: str) -> dict:
    return {"braketSchemaHeader": {"name": f"braket.device_schema.{name}", "version": "1"}}


CAPABILITIES = _header("simulators.gate_model_simulator_device_capabilities") | {
    "service": _header("device_service_properties")
    | {
        "executionWindows": [{"executionDay": "Everyday", "windowStartHour": "00:00", "windowEndHour": "23:59:59"}],
        "shotsRange": [0, 1000],
        "getTaskPollIntervalMillis": 20,
    },
    "action": {
        "braket.ir.openqasm.program": {
            "actionType": "braket.ir.openqasm.program",
            "version": ["1"],
            "supportedOperations": ["h", "cnot"],
            "supportedResultTypes": [],
        }
    },
    "paradigm": _header("simulators.gate_model_simulator_paradigm_properties") | {"qubitCount": 34},
    "deviceParameters": {},
}
