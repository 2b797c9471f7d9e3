"""Quandela Cloud: photonic platforms and the jobs sent to them. Whatever succeeds is a 200, to the letter."""

import json
import uuid

from .core import Answer, Call, StandIn, route

PLATFORM = "sim:stand-in"


class Quandela(StandIn):
    """A job runs at the first look and is completed at the second; one with a name that begins with `hold` goes on."""

    provider = "quandela"
    credential_header = "authorization"
    credential_word = "Bearer"
    harmless = "/api/jobs/availability"

    def __init__(self, accounts):
        super().__init__(accounts)
        self.jobs: dict[str, dict] = {}

    def refusal(self, status, text):
        return Answer(status, {"error": text})

    @route("GET", "/api/platforms/sim%3Astand-in/processor")
    def platform(self, call: Call):
        specs = {
            "available_commands": ["probs", "sample_count"],
            "architecture": None,
            "constraints": {"max_mode_count": 8},
        }
        return Answer(200, {"name": PLATFORM, "status": "available", "type": "simulator", "specs": specs})

    @route("GET", "/api/jobs/availability")
    def availability(self, call: Call):
        return Answer(200, {"max_jobs_in_queue": 10, "num_jobs_in_queue": 0})

    @route("POST", "/api/job")
    def submit(self, call: Call):
        job = call.json
        if job["platform_name"] != PLATFORM or "payload" not in job:
            return self.refusal(404, "No such platform")
        return self._submit(call, job["job_name"])

    @route("POST", "/api/job/rerun/(?P<id>[^/]+)")
    def rerun(self, call: Call, id: str):
        job = self._mine(call, id)
        return self._submit(call, job["name"]) if job else self.refusal(404, "Job not found")

    def _submit(self, call: Call, name: str) -> Answer:
        id = str(uuid.uuid4())
        self.jobs[id] = {"account": call.account, "name": name, "status": "waiting"}
        return Answer(200, {"job_id": id})

    @route("GET", "/api/job/status/(?P<id>[^/]+)")
    def poll(self, call: Call, id: str):
        if not (job := self._mine(call, id)):
            return self.refusal(404, "Job not found")
        if job["status"] == "waiting":
            job["status"] = "running"
        elif job["status"] == "running" and not job["name"].startswith("hold"):
            job["status"] = "completed"
        times = {"creation_datetime": 1.0, "start_time": 2.0, "duration": 3}
        return Answer(
            200, {"status": job["status"], "progress": 0.5, "progress_message": "", "status_message": ""} | times
        )

    @route("GET", "/api/job/result/(?P<id>[^/]+)")
    def result(self, call: Call, id: str):
        if not (job := self._mine(call, id)) or job["status"] != "completed":
            return self.refusal(404, "Result not found")
        counts = {"results": ":PCVL:BSCount:{|1,0>=100;|0,1>=100}", "physical_perf": 1, "logical_perf": 1}
        return Answer(200, {"job_id": id, "results": json.dumps(counts)})

    @route("POST", "/api/job/cancel/(?P<id>[^/]+)")
    def cancel(self, call: Call, id: str):
        if not (job := self._mine(call, id)):
            return self.refusal(404, "Job not found")
        job["status"] = "canceled"
        return Answer(200, {})

    def _mine(self, call: Call, id: str) -> dict | None:
        job = self.jobs.get(id)
        return job if job and job["account"] == call.account else None
