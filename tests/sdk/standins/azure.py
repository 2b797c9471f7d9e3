"""Azure Quantum's data plane with a workspace's key, and the blob storage beside it, which must never see that key."""

import json
import uuid

from .core import Answer, Call, StandIn, route

WORKSPACE = r"(?P<workspace>/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Quantum/workspaces/[^/]+)"
SIGNED = "sv=2025-01-05&se=2099-01-01T00%3A00%3A00Z&sr=c&sp=rwl&sig=fake"
TARGET = "ionq.simulator"
ACCOUNT = "/fakestorage"  # where storage has no host name of its own, the account is in the path


def workspace(account: str) -> str:
    subscription = uuid.uuid5(uuid.NAMESPACE_DNS, f"{account}.example.org")
    return f"/subscriptions/{subscription}/resourceGroups/quantum/providers/Microsoft.Quantum/workspaces/{account}"


class Azure(StandIn):
    """A job is executing at the first look and has succeeded at the second; one named `hold…` goes on executing.

    A key opens one workspace, which is in every path.
    """

    provider = "azure"
    credential_header = "x-ms-quantum-api-key"
    harmless = workspace("ada") + "/jobs"

    def __init__(self, accounts):
        super().__init__(accounts)
        self.jobs: dict[str, dict] = {}
        self.storage = Storage(accounts)
        self.storage.forbidden, self.storage.complaints = self.forbidden, self.complaints

    def __enter__(self):
        self.storage.__enter__()
        return super().__enter__()

    def __exit__(self, *error):
        self.storage.__exit__(*error)
        super().__exit__(*error)

    @classmethod
    def fields(cls, account, token):
        return {"api_key": token, "workspace": workspace(account)}

    def refusal(self, status, text):
        return Answer(status, {"error": {"code": "Refused", "message": text}})

    def _answer(self, call):
        answer = super()._answer(call)
        if call.account and not call.path.startswith(workspace(call.account) + "/"):
            self.complaints.append(f"{call.method} {call.path}: not the workspace of this key")
            return self.refusal(403, "The key does not open this workspace")
        return answer

    @route("POST", WORKSPACE + "/storage/sasUri")
    def signed_link(self, call: Call, workspace: str):
        path = "/".join(filter(None, [call.json["containerName"], call.json.get("blobName")]))
        return Answer(200, {"sasUri": f"{self.storage.url}{ACCOUNT}/{path}?{SIGNED}"})

    @route("GET", WORKSPACE + "/providerStatus")
    def targets(self, call: Call, workspace: str):
        target = {"id": TARGET, "currentAvailability": "Available", "averageQueueTime": 1}
        return Answer(200, {"value": [{"id": "ionq", "currentAvailability": "Available", "targets": [target]}]})

    @route("PUT", WORKSPACE + "/jobs/(?P<id>[^/:]+)")
    def submit(self, call: Call, workspace: str, id: str):
        if id in self.jobs:
            return self.refusal(409, "There is such a job")
        self.jobs[id] = {"account": call.account, "details": call.json | {"id": id, "status": "Waiting"}}
        return Answer(201, self.jobs[id]["details"])

    @route("GET", WORKSPACE + "/jobs/(?P<id>[^/:]+)")
    def poll(self, call: Call, workspace: str, id: str):
        if not (job := self._mine(call, id)):
            return self.refusal(404, "Job not found")
        if job["status"] == "Waiting":
            job["status"] = "Executing"
        elif job["status"] == "Executing" and not job["name"].startswith("hold"):
            job["status"] = "Succeeded"
            self.storage.blobs[f"{ACCOUNT}/job-{id}/rawOutputData"] = json.dumps(
                {"histogram": {"0": 0.5, "3": 0.5}}
            ).encode()
            job["outputDataUri"] = f"{self.storage.url}{ACCOUNT}/job-{id}/rawOutputData?{SIGNED}"
        return Answer(200, job)

    @route("GET", WORKSPACE + "/jobs")
    def list_jobs(self, call: Call, workspace: str):
        """One to a page; the next is at an absolute address, to which the SDK goes with the key."""
        mine = [job["details"] for job in self.jobs.values() if job["account"] == call.account]
        at = int(call.query.get("$skiptoken", 0))
        more = {"nextLink": f"{self.url}{call.path}?$skiptoken={at + 1}"} if at + 1 < len(mine) else {}
        return Answer(200, {"value": mine[at : at + 1]} | more)

    @route("POST", WORKSPACE + "/jobs/(?P<id>[^/:]+):cancel")
    def cancel(self, call: Call, workspace: str, id: str):
        if not (job := self._mine(call, id)):
            return self.refusal(404, "Job not found")
        job["status"] = "Cancelled"
        return Answer(200, job)

    @route("DELETE", WORKSPACE + "/jobs/(?P<id>[^/:]+)")
    def delete(self, call: Call, workspace: str, id: str):
        if not self._mine(call, id):
            return self.refusal(404, "Job not found")
        del self.jobs[id]
        return Answer(204)

    def _mine(self, call: Call, id: str) -> dict | None:
        job = self.jobs.get(id)
        return job["details"] if job and job["account"] == call.account else None


class Storage(StandIn):
    """Blobs behind signed links: no credential of any kind belongs here, neither a caller's nor the provider's."""

    credential_header = "none-at-all"

    def __init__(self, accounts):
        super().__init__(accounts)
        self.blobs: dict[str, bytes] = {}

    def refusal(self, status, text):
        return Answer(status, text.encode(), {"Content-Type": "application/xml"})

    def _objections(self, call):
        yield from super()._objections(call)
        if any(token.encode() in call.wire for token in self.accounts):
            yield "the provider's key was taken to its storage"
        if call.query.get("sig") != "fake":
            yield "the link is not signed"

    @route("PUT", r"/.+", open_to_all=True)
    def put(self, call: Call):
        if call.query.get("restype") == "container":
            return Answer(201)
        self.blobs[call.path] = call.body
        return Answer(
            201,
            None,
            {"ETag": '"1"', "Last-Modified": "Sun, 01 Nov 2026 12:00:00 GMT", "x-ms-request-server-encrypted": "true"},
        )

    @route("GET", r"/.+", open_to_all=True)
    def get(self, call: Call):
        if call.query.get("restype") == "container":
            return Answer(200, None, {"ETag": '"1"', "Last-Modified": "Sun, 01 Nov 2026 12:00:00 GMT"})
        if (blob := self.blobs.get(call.path)) is None:
            return Answer(404, b"<Error><Code>BlobNotFound</Code></Error>", {"x-ms-error-code": "BlobNotFound"})
        part = {"Content-Range": f"bytes 0-{len(blob) - 1}/{len(blob)}", "ETag": '"1"', "x-ms-blob-type": "BlockBlob"}
        return Answer(206, blob, part | {"Last-Modified": "Sun, 01 Nov 2026 12:00:00 GMT"})
