"""Quantinuum Nexus: its login, its API, and the WebSocket on which a job's status is told."""

import json
import uuid
from collections.abc import Iterator

from .core import Answer, Call, route
from .refresh import Refreshing
from .websocket import accepted, tell

JOBS = r"/api/jobs/v1beta3"
CIRCUITS = r"/api/circuits/v1beta2"
PROJECTS = r"/api/projects/v1beta2"
TIMES = {"created": "2026-11-22T10:00:00+00:00", "modified": "2026-11-22T10:00:00+00:00"}
DAYS = 24 * 3600


class Quantinuum(Refreshing):
    """A job is queued at the first look and completed at the second; one named `hold…` keeps running."""

    provider = "quantinuum"
    credential_header = "cookie"
    harmless = "/api/users/v1beta2/me"

    def __init__(self, accounts):
        super().__init__(accounts)
        self.things: dict[str, dict] = {}  # projects, circuits and jobs by id; each knows whose it is

    @classmethod
    def login(cls, account, secret):
        return "/auth/tokens/refresh", ""

    @classmethod
    def login_headers(cls, secret):
        return {"Cookie": f"myqos_oat={secret}", "X-qnexus-version": "fake"}

    def credential(self, account, token):
        return {"Cookie": f"myqos_id={self._new_token(account)}"}

    def refusal(self, status, text):
        return Answer(status, {"message": text})

    # Cookies.

    def _token(self, call):
        token = self._jar(call).get("myqos_id")
        return token if token in self.issued else None

    def _jar(self, call: Call) -> dict[str, str]:
        values = call.values("cookie")
        return cookies(values[0]) if len(values) == 1 else {}

    def _account(self, call):
        """The access token's account; the stored token may come along, as the SDK sends it, but not another's."""
        account = super()._account(call)
        jar = self._jar(call)
        beside = jar.keys() - {"myqos_id"}
        if not beside or (beside == {"myqos_oat"} and self.accounts.get(jar["myqos_oat"]) == account):
            return account
        return None

    def _answer(self, call):
        jar = self._jar(call)
        # So the SDK finds out that it has to sign in.
        signing_in = jar.keys() == {"myqos_oat"} and jar["myqos_oat"] in self.accounts
        if signing_in and call.path != "/auth/tokens/refresh" and not list(self._objections(call)):
            return self.refusal(401, "Not authenticated")
        return super()._answer(call)

    @route("POST", r"/auth/tokens/refresh", open_to_all=True)
    def refresh(self, call: Call):
        jar = self._jar(call)  # the old access token does not go with the call for a new one
        stored = jar["myqos_oat"] if jar.keys() == {"myqos_oat"} and not call.values("authorization") else None
        assert call.values("x-qnexus-version"), "the SDK says its version here"
        answer = self.bought(call, stored, lambda access, refresh: {"myqos_id": access, "myqos_oat": refresh})
        if isinstance(answer.body, dict) and "myqos_id" in answer.body:
            return Answer(200, {}, self._set_cookies(answer.body["myqos_id"], answer.body["myqos_oat"], stored))
        return answer

    def _set_cookies(self, access: str, refresh: str, stored: str) -> dict[str, str]:
        attributes = "Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if self.url.startswith("https") else "")
        set_cookies = {"Set-Cookie": f"myqos_id={access}; {attributes}; Max-Age={self.lifetime}"}
        # A second header of that name, in another spelling.
        return set_cookies if refresh == stored else set_cookies | {"set-cookie": f"myqos_oat={refresh}; {attributes}"}

    @route("GET", r"/auth/tokens")
    def token_status(self, call: Call):
        return Answer(200, {"token_status": {"ttl": 30 * DAYS}})

    @route("GET", r"/api/users/v1beta2/me")
    def me(self, call: Call):
        attributes = {"display_name": call.account, "email": f"{call.account}@fake.example.org"}
        return Answer(200, {"data": {"id": f"fake-{call.account}", "type": "user", "attributes": attributes}})

    # Projects and circuits.

    @route("POST", PROJECTS)
    def create_project(self, call: Call):
        project = self._keep(call, "project", call.json["data"]["attributes"] | {"contents_modified": TIMES["modified"], "archived": False})
        return Answer(201, {"data": shown(project)})

    @route("GET", PROJECTS)
    def list_projects(self, call: Call):
        return self._listed(call, "project")

    @route("GET", PROJECTS + r"/meta/count")
    def count_projects(self, call: Call):
        return Answer(200, {"count": len(self._all(call, "project"))})

    @route("GET", PROJECTS + r"/(?P<id>[^/]+)")
    def show_project(self, call: Call, id: str):
        return self._shown(call, "project", id)

    @route("POST", CIRCUITS)
    def upload(self, call: Call):
        data = call.json["data"]
        if not (project := self._project(call)):
            return self.refusal(404, "Project not found")
        circuit = self._keep(call, "circuit", data["attributes"], project)
        return Answer(201, {"data": shown(circuit)})

    @route("GET", CIRCUITS + r"/(?P<id>[^/]+)")
    def show_circuit(self, call: Call, id: str):
        return self._shown(call, "circuit", id)

    # Jobs.

    @route("POST", JOBS)
    def submit(self, call: Call):
        attributes = call.json["data"]["attributes"]
        if not (project := self._project(call)):
            return self.refusal(404, "Project not found")
        items = attributes["definition"]["items"]
        if not all(self._mine(call, "circuit", item["program_id"]) for item in items):
            return self.refusal(404, "Program not found")
        for number, item in enumerate(items):
            result_id = str(uuid.uuid4())
            item |= {"item_id": number, "external_handle": None, "result_id": result_id, "result_type": "PYTKET"}
            item["status"] = status("SUBMITTED")
        job = self._keep(call, "job", attributes | {"status": status("SUBMITTED")}, project)
        job["relationships"]["programs"] = {"data": [{"id": item["program_id"], "type": "circuit"} for item in items]}
        return Answer(202, {"data": shown(job)})

    @route("GET", JOBS)
    def list_jobs(self, call: Call):
        return self._listed(call, "job")

    @route("GET", JOBS + r"/(?P<id>[^/]+)")
    def show_job(self, call: Call, id: str):
        return self._shown(call, "job", id)

    @route("GET", JOBS + r"/(?P<id>[^/]+)/attributes/status")
    def poll(self, call: Call, id: str):
        if not (job := self._mine(call, "job", id)):
            return self.refusal(404, "Job not found")
        return Answer(200, self._moved_on(job))

    @route("GET", JOBS + r"/(?P<id>[^/]+)/attributes/status/ws")
    def watch(self, call: Call, id: str):
        if not (job := self._mine(call, "job", id)):
            return self.refusal(404, "Job not found")
        (key,) = call.values("sec-websocket-key")
        return Answer(101, None, accepted(key), lambda reader, writer: tell(self._statuses(job), reader, writer))

    def _statuses(self, job: dict) -> Iterator[str]:
        """What there is to tell, until it has ended."""
        told = None
        while told not in ("COMPLETED", "CANCELLED"):
            with self.changed:
                self.changed.wait_for(lambda: job["attributes"]["status"]["status"] != told, timeout=60)
                told = job["attributes"]["status"]["status"]
                yield json.dumps(job["attributes"]["status"])
                self._moved_on(job)

    def _moved_on(self, job: dict) -> dict:
        with self.changed:
            match job["attributes"]["status"]["status"]:
                case "SUBMITTED":
                    self._becomes(job, "RUNNING" if held(job) else "QUEUED")
                case "QUEUED":
                    self._becomes(job, "COMPLETED")
            return job["attributes"]["status"]

    def _becomes(self, job: dict, word: str):
        job["attributes"]["status"] = status(word)
        for item in job["attributes"]["definition"]["items"]:
            item["status"] = status(word)
        self.changed.notify_all()

    @route("POST", JOBS + r"/(?P<id>[^/]+)/rpc/cancel")
    def cancel(self, call: Call, id: str):
        if not (job := self._mine(call, "job", id)):
            return self.refusal(404, "Job not found")
        with self.changed:
            self._becomes(job, "CANCELLED")
        return Answer(202, {})

    @route("DELETE", JOBS + r"/(?P<id>[^/]+)")
    def delete(self, call: Call, id: str):
        if not self._mine(call, "job", id):
            return self.refusal(404, "Job not found")
        del self.things[id]
        return Answer(204)

    @route("GET", r"/api/results/v1beta3/(?P<id>[^/]+)")
    def result(self, call: Call, id: str):
        for job in self._all(call, "job"):
            for item in job["attributes"]["definition"]["items"]:
                if item["result_id"] == id and item["status"]["status"] == "COMPLETED":
                    program = {"data": {"id": item["program_id"], "type": "circuit"}}
                    data = {"id": id, "type": "result", "attributes": counts(item["n_shots"]), "relationships": {"program": program}}
                    return Answer(200, {"data": data, "included": [{"id": str(uuid.uuid4()), "type": "backend_snapshot", "attributes": SNAPSHOT}]})
        return self.refusal(404, "Result not found")

    # Bookkeeping.

    def _keep(self, call: Call, kind: str, attributes: dict, project: dict | None = None) -> dict:
        thing = {"id": str(uuid.uuid4()), "type": kind, "account": call.account, "attributes": attributes | {"timestamps": TIMES}}
        thing["relationships"] = {"project": {"data": {"id": project["id"], "type": "project"}}} if project else {}
        self.things[thing["id"]] = thing
        return thing

    def _project(self, call: Call) -> dict | None:
        return self._mine(call, "project", call.json["data"]["relationships"]["project"]["data"]["id"])

    def _mine(self, call: Call, kind: str, id: str) -> dict | None:
        thing = self.things.get(id)
        return thing if thing and (thing["type"], thing["account"]) == (kind, call.account) else None

    def _all(self, call: Call, kind: str) -> list[dict]:
        wanted = call.query.get("filter[name_exact]")
        mine = [thing for thing in list(self.things.values()) if (thing["type"], thing["account"]) == (kind, call.account)]
        return [thing for thing in mine if wanted in (None, thing["attributes"]["name"])]

    def _shown(self, call: Call, kind: str, id: str) -> Answer:
        thing = self._mine(call, kind, id)
        return Answer(200, {"data": shown(thing), "included": self._included([thing])}) if thing else self.refusal(404, f"{kind} not found")

    def _listed(self, call: Call, kind: str) -> Answer:
        first = int(call.query["page[number]"]) * PAGE
        page = self._all(call, kind)[first : first + PAGE]
        return Answer(200, {"data": [shown(thing) for thing in page], "included": self._included(page)})

    def _included(self, things: list[dict]) -> list[dict]:
        projects = [thing["relationships"].get("project") for thing in things]
        return [shown(self.things[id]) for id in {project["data"]["id"] for project in projects if project}]


PAGE = 3  # so that a list has several pages
SNAPSHOT = {
    "name": "QuantinuumBackend",
    "device_name": "H2-1LE",
    "version": "fake",
    "device": {"nodes": [], "edges": [], "n_nodes": 2, "fully_connected": True},
    "gate_set": ["H", "CX"],
    "supports_fast_feedforward": True,
    "supports_reset": True,
    "supports_midcircuit_measurement": True,
}


def cookies(value: str) -> dict[str, str]:
    pairs = [pair.partition("=")[::2] for pair in value.split("; ")]
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a cookie is there twice")
    return dict(pairs)


def held(job: dict) -> bool:
    return job["attributes"]["name"].startswith("hold")


def shown(thing: dict) -> dict:
    return {key: value for key, value in thing.items() if key != "account"}


def status(word: str) -> dict:
    return {"status": word, "message": "", "cost": 1.5 if word == "COMPLETED" else None}


def counts(shots: int) -> dict:
    outcomes = [{"outcome": {"width": 2, "array": [[bits]]}, "count": shots // 2} for bits in (0b00000000, 0b11000000)]
    return {"qubits": [["q", [0]], ["q", [1]]], "bits": [["c", [0]], ["c", [1]]], "counts": outcomes}
