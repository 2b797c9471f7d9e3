"""Quantum Inspire's API, and the Keycloak realm that signs its users in, on one origin."""

from collections.abc import Callable
from itertools import count
from urllib.parse import urlencode

from .core import Answer, Call, route
from .exchange import form
from .refresh import Refreshing

REALM = r"/realms/oidc_production"
CLIENT = "compute-job-manager"
BACKEND = 1
NOW = "2026-11-22T10:00:00Z"


class QuantumInspire(Refreshing):
    """A job is planned at the first look and completed at the second; one whose file says `hold` stays planned."""

    provider = "quantum-inspire"
    harmless = "/members"

    def __init__(self, accounts):
        super().__init__(accounts)
        self._ids = count(1001)
        self.members = {account: next(self._ids) for account in accounts.values()}
        self.things: dict[str, dict[int, dict]] = {}  # by kind and id; each knows whose it is

    @classmethod
    def login(cls, account, secret):
        grant = {"grant_type": "refresh_token", "client_id": CLIENT, "refresh_token": secret}
        return f"{REALM}/protocol/openid-connect/token", urlencode(grant)

    def refusal(self, status, text):
        return Answer(status, {"detail": text})

    # The realm.

    @route("GET", REALM + r"/\.well-known/openid-configuration", open_to_all=True)
    def discovery(self, call: Call):
        endpoints = f"{self.url}{REALM}/protocol/openid-connect"
        return Answer(
            200,
            {
                "issuer": f"{self.url}{REALM}",
                "token_endpoint": f"{endpoints}/token",
                "device_authorization_endpoint": f"{endpoints}/auth/device",
                "revocation_endpoint": f"{endpoints}/revoke",
            },
        )

    @route("POST", REALM + r"/protocol/openid-connect/token", open_to_all=True)
    def token(self, call: Call):
        given = form(call)
        stored = given.pop("refresh_token", None)
        right = given == {"grant_type": "refresh_token", "client_id": CLIENT} and not call.values("authorization")
        return self.bought(call, stored if right else None, self._tokens)

    def _tokens(self, access: str, stored: str) -> dict:
        return {"access_token": access, "token_type": "Bearer", "expires_in": self.lifetime, "refresh_token": stored}

    def denied(self, text):
        return Answer(400, {"error": "invalid_grant", "error_description": text})

    # Without a credential; the SDK has none there even when its user is signed in.

    @route("GET", r"/auth_config", open_to_all=True)
    def auth_config(self, call: Call):
        discovery = f"{self.url}{REALM}/.well-known/openid-configuration"
        return self._free(call, {"client_id": CLIENT, "audience": CLIENT, "well_known_endpoint": discovery})

    @route("GET", r"/backend_types/", open_to_all=True)
    def backend_types(self, call: Call):
        return self._free(call, page([backend_type()]))

    def _free(self, call: Call, body: dict) -> Answer:
        if call.values("authorization"):
            self.complaints.append(f"{call.method} {call.path} needs no credential, and was given one")
        return Answer(200, body)

    # The account.

    @route("GET", r"/members")
    def list_members(self, call: Call):
        member = {"id": self.members[call.account], "team_id": 1, "user_id": 1, "role": "member", "is_active": True}
        return Answer(200, page([member]))

    @route("GET", r"/backend_types/(?P<id>\d+)")
    def show_backend_type(self, call: Call, id: str):
        return Answer(200, backend_type()) if int(id) == BACKEND else self.refusal(404, "Backend type not found")

    @route("GET", r"/languages")
    def languages(self, call: Call):
        return Answer(200, page([{"id": 1, "name": "cQASM", "version": "3.0"}, {"id": 2, "name": "Python", "version": "3.9"}]))

    # What a job is made of. Each names the one before it, which must be this account's.

    @route("POST", r"/projects")
    def create_project(self, call: Call):
        if call.json["owner_id"] != self.members[call.account]:
            return self.refusal(403, "You are not a member of this team")
        return self._made(call, "project", call.json | {"created_on": NOW})

    @route("GET", r"/projects")
    def list_projects(self, call: Call):
        return self._listed(call, "project")

    @route("DELETE", r"/projects/(?P<id>\d+)")
    def delete_project(self, call: Call, id: str):
        if not self._mine(call, "project", id):
            return self.refusal(404, "project not found")
        del self.things["project"][int(id)]
        return Answer(204)

    @route("POST", r"/algorithms")
    def create_algorithm(self, call: Call):
        return self._made_of(call, "algorithm", "project", lambda _: call.json | {"link": None})

    @route("POST", r"/commits")
    def create_commit(self, call: Call):
        return self._made_of(call, "commit", "algorithm", lambda _: call.json | {"created_on": NOW, "hash": "0451bb5bb21cd31f"})

    @route("POST", r"/files")
    def create_file(self, call: Call):
        return self._made_of(call, "file", "commit", lambda _: call.json | {"generated": False})

    @route("POST", r"/batch_jobs")
    def create_batch_job(self, call: Call):
        return self._made(call, "batch_job", call.json | BATCH_JOB | {"user_id": 1})

    @route("PATCH", r"/batch_jobs/(?P<id>\d+)/enqueue")
    def enqueue(self, call: Call, id: str):
        if not (batch := self._mine(call, "batch_job", id)):
            return self.refusal(404, "batch_job not found")
        batch |= {"status": "queued", "queued_at": NOW}
        return Answer(200, shown(batch))

    # Jobs.

    @route("POST", r"/jobs")
    def submit(self, call: Call):
        if not self._mine(call, "batch_job", call.json["batch_job_id"]):
            return self.refusal(403, "batch_job not found")
        return self._made_of(call, "job", "file", lambda file: JOB | call.json | {"held": "hold" in file["content"]})

    @route("GET", r"/jobs")
    def list_jobs(self, call: Call):
        return self._listed(call, "job")

    @route("GET", r"/jobs/(?P<id>\d+)")
    def poll(self, call: Call, id: str):
        if not (job := self._mine(call, "job", id)):
            return self.refusal(404, "job not found")
        seen = Answer(200, shown(job))
        if job["status"] == "planned" and not job["held"]:
            job |= {"status": "completed", "finished_at": NOW}
        return seen

    @route("PATCH", r"/jobs/(?P<id>\d+)")
    def update(self, call: Call, id: str):
        if not (job := self._mine(call, "job", id)):
            return self.refusal(404, "job not found")
        if (job["status"], call.json["status"]) != ("planned", "cancelled"):
            return self.refusal(409, "The job cannot change its status so")
        job["status"] = "cancelled"
        return Answer(200, shown(job))

    @route("GET", r"/results/job/(?P<id>\d+)")
    def results(self, call: Call, id: str):
        if not (job := self._mine(call, "job", id)):
            return self.refusal(404, "job not found")
        return Answer(200, page([result(job)] if job["status"] == "completed" else []))

    @route("GET", r"/final_results/job/(?P<id>\d+)")
    def final_result(self, call: Call, id: str):
        if not (job := self._mine(call, "job", id)) or job["status"] != "completed":
            return self.refusal(404, "final_result not found")
        return Answer(200, {"id": job["id"], "created_on": NOW, "job_id": job["id"], "final_result": {"00": 0.5, "11": 0.5}})

    # Bookkeeping.

    def _made(self, call: Call, kind: str, thing: dict) -> Answer:
        with self.changed:
            thing = thing | {"id": next(self._ids), "account": call.account}
            self.things.setdefault(kind, {})[thing["id"]] = thing
        return Answer(201, shown(thing))

    def _made_of(self, call: Call, kind: str, part: str, make: Callable[[dict], dict]) -> Answer:
        found = self._mine(call, part, call.json[f"{part}_id"])
        return self._made(call, kind, make(found)) if found else self.refusal(403, f"{part} not found")

    def _mine(self, call: Call, kind: str, id) -> dict | None:
        thing = self.things.get(kind, {}).get(int(id))
        return thing if thing and thing["account"] == call.account else None

    def _listed(self, call: Call, kind: str) -> Answer:
        mine = [shown(thing) for thing in self.things.get(kind, {}).values() if thing["account"] == call.account]
        number = int(call.query["page"])
        return Answer(200, page(mine, number))


SIZE = 3  # so that a list has several pages
JOB = {
    "status": "planned",
    "created_on": NOW,
    "algorithm_type": "quantum",
    "queued_at": NOW,
    "finished_at": None,
    "session_id": "",
    "trace_id": "",
    "message": "",
    "source": "",
}
BATCH_JOB = {
    "status": "planned",
    "created_on": NOW,
    "backend_id": None,
    "queued_at": None,
    "reserved_at": None,
    "finished_at": None,
    "job_ids": [],
    "aggregated_algorithm_type": "quantum",
}


def page(items: list[dict], number: int = 1) -> dict:
    first = (number - 1) * SIZE
    pages = max(1, -(-len(items) // SIZE))
    return {"items": items[first : first + SIZE], "total": len(items), "page": number, "size": SIZE, "pages": pages}


def shown(thing: dict) -> dict:
    return {key: value for key, value in thing.items() if key not in ("account", "held")}


def result(job: dict) -> dict:
    half = job["number_of_shots"] // 2
    return {
        "id": job["id"],
        "created_on": NOW,
        "job_id": job["id"],
        "execution_time_in_seconds": 0.25,
        "shots_requested": job["number_of_shots"],
        "shots_done": 2 * half,
        "results": {"00": half, "11": half},
        "raw_data": None,
    }


def backend_type() -> dict:
    return {
        "id": BACKEND,
        "name": "Fake emulator",
        "infrastructure": "Fake",
        "description": "",
        "image_id": "fake",
        "is_hardware": False,
        "supports_raw_data": False,
        "features": [],
        "default_compiler_config": {},
        "gateset": ["h", "cnot"],
        "topology": [[0, 1]],
        "nqubits": 2,
        "status": "idle",
        "messages": {},
        "default_number_of_shots": 100,
        "max_number_of_shots": 1000,
        "enabled": True,
        "identifier": "fake",
        "job_execution_time_limit": 60,
        "max_jobs_per_batch_job": 1,
        "batchjobs_per_queue_limit": 10,
    }
