"""HAProxy, as config/deploy has it, before three real Bellhops and a stand-in for a provider, all on loopback.

Only the addresses in its configuration are others here; the sockets are handed to HAProxy, so that no port is guessed.
The Bellhops are on PostgreSQL, each with a `data_dir` of its own, where BELLHOP_TEST_POSTGRES names one and psql is there;
else they share SQLite.
"""

import base64
import contextlib
import http.client
import http.server
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

BELLHOP = os.environ["BELLHOP_BIN"]
PATIENCE = 30
HERE, ELSEWHERE = "127.0.0.1", "127.0.0.9"
JOBS = "/ionq/v0.4/jobs"


def tell(haproxy: Path, config: dict) -> str:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bellhop-balancer.")))
        provider = stack.enter_context(Provider())
        store = stack.enter_context(database(folder))
        bellhops = [Bellhop(folder, f"bellhop-{number}", config, store, provider) for number in (1, 2, 3)]
        token = bellhops[0].apply()
        for bellhop in bellhops:
            stack.enter_context(bellhop)
        balancer = stack.enter_context(Balancer(folder, haproxy.read_text(), bellhops))
        balancer.finds(bellhops)
        the_callers_address_is_the_balancers_word(balancer, token)
        a_head_passes_that_bellhop_takes(balancer, token)
        figures_are_of_one_bellhop(balancer)
        a_submit_is_never_sent_again(balancer, provider, bellhops, token)
        a_drain_loses_nothing(balancer, next(one for one in bellhops if one.runs()), token)
    return f"three Bellhops on {'PostgreSQL' if store else 'SQLite'}, one killed and one drained"


@contextlib.contextmanager
def database(folder: Path):
    """One of its own, by the URL in a file."""
    server = os.environ.get("BELLHOP_TEST_POSTGRES")
    psql = shutil.which("psql") or next(map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin/psql"))), None)
    if not server or not psql:
        yield None
        return
    name, file = f"bellhop_balancer_{secrets.token_hex(6)}", folder / "store-url"
    file.write_text(f"{server.rpartition('/')[0]}/{name}\n")
    subprocess.run([psql, server, "-qc", f"CREATE DATABASE {name}"], check=True, timeout=PATIENCE)
    try:
        yield file
    finally:
        subprocess.run([psql, server, "-qc", f"DROP DATABASE {name} WITH (FORCE)"], check=True, timeout=PATIENCE)


def the_callers_address_is_the_balancers_word(balancer: "Balancer", token: str):
    """The token is for callers at `ELSEWHERE` alone."""
    status, _ = balancer.call("GET", f"{JOBS}/any", token, caller=ELSEWHERE)
    assert status == 200, f"a caller at {ELSEWHERE} is refused with {status}"
    for forged in ({}, {"X-Forwarded-For": ELSEWHERE}, {"Forwarded": f"for={ELSEWHERE}"}):
        status, body = balancer.call("GET", f"{JOBS}/any", token, caller=HERE, **forged)
        assert status == 403, f"a caller at {HERE} with {forged} is answered {status} {body}"


def a_head_passes_that_bellhop_takes(balancer: "Balancer", token: str):
    status, body = balancer.call("GET", f"{JOBS}/any", token, **{"X-Long": "x" * 30_000})
    assert status == 200, f"30 kB of head are answered {status} {body}"


def figures_are_of_one_bellhop(balancer: "Balancer"):
    for path, expected in (("/metrics", 404), ("/healthz", 200)):
        status, _ = balancer.call("GET", path, port=balancer.admin)
        assert status == expected, f"{path} is answered {status}"


def a_submit_is_never_sent_again(balancer: "Balancer", provider: "Provider", bellhops: list["Bellhop"], token: str):
    """The Bellhop that sends it is killed before the provider answers."""
    answers = []
    body = json.dumps({"backend": "qpu", "shots": 1, "name": "held"})
    submit = threading.Thread(target=lambda: answers.append(balancer.call("POST", JOBS, token, body)))
    submit.start()
    assert provider.holds.wait(PATIENCE), f"the submit did not arrive: {answers}"
    next(one for one in bellhops if one.has_port(provider.held_from)).kill()
    submit.join(PATIENCE)
    assert answers and answers[0][0] == 502, f"the caller is told {answers}"
    # Whoever asks now is answered by the others: HAProxy goes elsewhere where no connection comes about.
    for _ in range(6):
        status, body = balancer.call("GET", f"{JOBS}/any", token)
        assert status == 200, f"after a Bellhop died: {status} {body}"
    assert provider.submits == 1, f"the provider was sent {provider.submits} submits for one"
    provider.release.set()


def a_drain_loses_nothing(balancer: "Balancer", leaving: "Bellhop", token: str):
    leaving.process.send_signal(signal.SIGTERM)
    calls, deadline = 0, time.monotonic() + PATIENCE
    while leaving.runs():
        status, body = balancer.call("GET", f"{JOBS}/any", token)
        assert status == 200, f"while a Bellhop drains: {status} {body}"
        calls += 1
        assert time.monotonic() < deadline, "the drain does not end"
    assert leaving.process.returncode == 0, leaving.said()
    assert calls > 10, f"it was gone after {calls} calls"
    turned_away = re.search(r"Server bellhop/\S+ is DOWN, reason: Layer7 wrong status, code: 503", balancer.said())
    assert turned_away, f"it was not seen to drain:\n{balancer.said()}"
    assert balancer.call("GET", f"{JOBS}/any", token)[0] == 200


class Bellhop:
    """One of several on one store, configured as in the compose file but for addresses and paths."""

    def __init__(self, folder: Path, name: str, config: dict, store: Path | None, provider: "Provider"):
        self._folder, self._log = folder / name, []
        self._folder.mkdir()
        ours = {
            "listen": {"proxy": f"{HERE}:0", "admin": f"{HERE}:0", "trusted_proxies": [f"{HERE}/32"], "workers": 1},
            "data_dir": str(self._folder if store else folder),
            "providers": {"ionq": {"upstream": provider.origin, "allow_private": True}},
            "log": {"format": "json"},
        }
        (self._folder / "bellhop.yaml").write_text(json.dumps({**config, **ours}))
        self._variables = {"BELLHOP_MASTER_KEY__FILE": str(master_key(folder))}
        self._variables |= {"BELLHOP_STORE__URL_FILE": str(store)} if store else {}

    def apply(self) -> str:
        fields = {"api_key": {"value": "fake-ionq-key-0001"}}
        ada = {
            "name": "ada",
            "tokens": [{"name": "desk", "networks": [f"{ELSEWHERE}/32"]}],
            "credentials": [{"provider": "ionq", "label": "mine", "fields": fields}],
        }
        (self._folder / "state.yaml").write_text(json.dumps({"users": [ada]}))
        done = subprocess.run(**self._command("apply", "state.yaml"), capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["value"]

    def __enter__(self) -> "Bellhop":
        self.process = subprocess.Popen(**self._command("serve"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        listening = threading.Event()
        threading.Thread(target=self._read_log, args=[listening], daemon=True).start()
        assert listening.wait(PATIENCE), self.said()
        return self

    def __exit__(self, *_):
        self.kill()

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)

    def runs(self) -> bool:
        return self.process.poll() is None

    def said(self) -> str:
        return "".join(self._log)

    def has_port(self, port: int) -> bool:
        """Whether a connection from this local port is this process's."""
        if not self.runs():
            return False
        lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
        inodes = {f"socket:[{fields[9]}]" for fields in lines if fields[1].endswith(f":{port:04X}")}
        return any(os.readlink(one) in inodes for one in Path(f"/proc/{self.process.pid}/fd").iterdir())

    def _command(self, *arguments: str) -> dict:
        return {"args": [BELLHOP, *arguments], "cwd": self._folder, "text": True, "env": self._variables}

    def _read_log(self, listening: threading.Event):
        for line in self.process.stderr:
            self._log.append(line)
            event = json.loads(line)
            if event.get("message") == "listening":
                self.proxy, self.admin = (event[name].rpartition(":")[2] for name in ("proxy", "admin"))
                listening.set()


def master_key(folder: Path) -> Path:
    """Made as the deployments tell to: before there is a store."""
    file = folder / "fake-master.key"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(f"1:{base64.b64encode(secrets.token_bytes(32)).decode()}\n")
    return file


class Balancer:
    def __init__(self, folder: Path, text: str, bellhops: list[Bellhop]):
        self._file = folder / "haproxy.cfg"
        self._sockets = [socket.create_server((HERE, 0)) for _ in range(2)]
        self.proxy, self.admin = (one.getsockname()[1] for one in self._sockets)
        for port, one in zip(("8080", "8081"), self._sockets):
            text, count = re.subn(rf"^( +bind) :{port}$", rf"\1 fd@{one.fileno()}", text, flags=re.M)
            assert count == 1, f"haproxy.cfg binds :{port} {count} times"
        text = re.sub(r"^( +maxconn) \d+$", r"\1 100", text, flags=re.M)  # more sockets than this machine may allow
        for number, bellhop in enumerate(bellhops, 1):
            name, check = f"bellhop-{number}", f"port {bellhop.admin}"
            text, proxies = re.subn(rf"(server {name}) {name}:8080", rf"\1 {HERE}:{bellhop.proxy} {check}", text)
            text, admins = re.subn(rf"(server {name}) {name}:8081", rf"\1 {HERE}:{bellhop.admin} {check}", text)
            assert proxies and admins, f"haproxy.cfg has no servers for {name}"
        self._file.write_text(text)
        self._log = (folder / "haproxy.log").open("w+")

    def __enter__(self) -> "Balancer":
        handed = [one.fileno() for one in self._sockets]
        # A warning is a mistake: every name in it can be resolved here.
        checked = subprocess.run(["haproxy", "-c", "-dW", "-f", self._file], capture_output=True, text=True, pass_fds=handed)
        assert checked.returncode == 0, checked.stderr
        self._process = subprocess.Popen(
            ["haproxy", "-db", "-f", self._file], pass_fds=handed, stdout=self._log, stderr=subprocess.STDOUT
        )
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(PATIENCE)
        self._log.close()
        for one in self._sockets:
            one.close()

    def finds(self, bellhops: list[Bellhop]):
        """Until it answers for them; that each is used is not its promise but its habit."""
        deadline = time.monotonic() + PATIENCE
        while self.call("GET", "/readyz", port=self.admin)[0] != 200:
            assert time.monotonic() < deadline and self._process.poll() is None, self.said()

    def call(self, method, path, token=None, body="", caller=ELSEWHERE, port=None, **headers) -> tuple[int, str]:
        headers |= {"Host": "bellhop.example.org", "Content-Length": str(len(body))}
        headers |= {"Authorization": f"apiKey {token}"} if token else {}
        headers |= {"Content-Type": "application/json"} if body else {}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        with socket.create_connection((HERE, port or self.proxy), PATIENCE, (caller, 0)) as link:
            # In one piece, unlike http.client: only what HAProxy has whole could it send again.
            link.sendall(f"{method} {path} HTTP/1.1\r\n{head}\r\n{body}".encode())
            answer = http.client.HTTPResponse(link, method=method)
            answer.begin()
            return answer.status, answer.read().decode()

    def said(self) -> str:
        return Path(self._log.name).read_text()


class Provider:
    """A stand-in for IonQ, which holds submits until it is told to let go."""

    def __enter__(self) -> "Provider":
        self.submits, self.holds, self.release = 0, threading.Event(), threading.Event()
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                provider.submits += 1
                provider.held_from = self.client_address[1]
                provider.holds.set()
                provider.release.wait(PATIENCE)
                self._answer({"id": f"job-{provider.submits}", "status": "submitted"})

            def do_GET(self):
                self._answer({"id": "any", "status": "completed"})

            def _answer(self, body: dict):
                text = json.dumps(body).encode()
                with contextlib.suppress(OSError):
                    self.send_response(200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer((HERE, 0), Handler)
        self.origin = f"http://{HERE}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
