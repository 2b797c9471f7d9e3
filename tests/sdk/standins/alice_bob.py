"""Alice & Bob's Felis: a job is made first, its program is uploaded as a form, and with that it starts."""

import uuid

from .core import Answer, Call, StandIn, route

BACKEND = "EMU:STAND-IN"


class AliceBob(StandIn):
    """A job is compiling at the first look and has succeeded at the second; one of 13 shots goes on compiling."""

    provider = "alice-bob"
    credential_header = "authorization"
    credential_word = "Basic"  # followed by the key as it is, and not by base64
    harmless = "/v1/targets/"

    def __init__(self, accounts):
        super().__init__(accounts)
        self.jobs: dict[str, dict] = {}

    @classmethod
    def fields(cls, account, token):
        return {"api_key": token}

    def refusal(self, status, text):
        return Answer(status, {"error": {"code": str(status), "message": text}})

    @route("GET", "/v1/targets/")
    def targets(self, call: Call):
        return Answer(200, [TARGET])

    @route("POST", "/v1/jobs/")
    def create(self, call: Call):
        asked = call.json
        if asked["target"] != BACKEND:
            return self.refusal(404, "No such target")
        job = {
            "id": str(uuid.uuid4()),
            "account": call.account,
            "target": asked["target"],
            "inputParams": asked["inputParams"],
            "events": [{"type": "CREATED"}],
            "errors": [],
        }
        self.jobs[job["id"]] = job
        return Answer(200, _shown(job))

    @route("POST", "/v1/jobs/(?P<id>[^/]+)/input")
    def upload(self, call: Call, id: str):
        if not (job := self._mine(call, id)):
            return self.refusal(404, "Job not found")
        if (
            not call.values("content-type")[0].startswith("multipart/form-data;")
            or b"__quantum__qis__" not in call.body
        ):
            return self.refusal(422, "A program is a form with a file")
        job["program"] = call.body
        job["events"].append({"type": "INPUT_READY"})
        return Answer(200, _shown(job))

    @route("GET", "/v1/jobs/(?P<id>[^/]+)")
    def poll(self, call: Call, id: str):
        if not (job := self._mine(call, id)):
            return self.refusal(404, "Job not found")
        match job["events"][-1]["type"]:
            case "INPUT_READY":
                job["events"].append({"type": "COMPILING"})
            case "COMPILING" if job["inputParams"]["nbShots"] != 13:
                job["events"].append({"type": "SUCCEEDED"})
        return Answer(200, _shown(job))

    @route("GET", "/v1/jobs/(?P<id>[^/]+)/metrics")
    def metrics(self, call: Call, id: str):
        return Answer(200, {"qpu_duration_ns": 5}) if self._mine(call, id) else self.refusal(404, "Job not found")

    @route("GET", "/v1/jobs/(?P<id>[^/]+)/(?P<what>input|transpiled|output)")
    def download(self, call: Call, id: str, what: str):
        if not (job := self._mine(call, id)):
            return self.refusal(404, "Job not found")
        if what == "input":
            return Answer(200, job["program"])
        if job["events"][-1]["type"] != "SUCCEEDED":
            return self.refusal(409, "Not there yet")
        half = job["inputParams"]["nbShots"] // 2
        return Answer(200, f"00,{half}\n11,{half}\n".encode() if what == "output" else b"transpiled")

    @route("DELETE", "/v1/jobs/(?P<id>[^/]+)")
    def cancel(self, call: Call, id: str):
        if not (job := self._mine(call, id)):
            return self.refusal(404, "Job not found")
        job["events"].append({"type": "CANCELLED"})
        return Answer(204)

    def _mine(self, call: Call, id: str) -> dict | None:
        job = self.jobs.get(id)
        return job if job and job["account"] == call.account else None


SIGNATURES = {
    "h": "void (%Qubit*)",
    "t": "void (%Qubit*)",
    "cx": "void (%Qubit*, %Qubit*)",
    "prepare_z": "void (i1, %Qubit*)",
    "mz": "void (%Qubit*, %Result*)",
    "read_result": "i1 (%Result*)",
}
TARGET = {
    "name": BACKEND,
    "numQubits": 2,
    "instructions": [{"signature": f"__quantum__qis__{name}__body:{form}"} for name, form in SIGNATURES.items()],
    "inputParams": {"nbShots": {"required": True, "default": 1000, "constraints": [{"min": 1, "max": 10000}]}},
}


def _shown(job: dict) -> dict:
    return {key: value for key, value in job.items() if key not in ("account", "program")}
