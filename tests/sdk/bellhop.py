"""One Bellhop process with its own data folder, set up as a user would: a config file, a state file, two commands."""

import json
import os
import re
import subprocess
import threading
import urllib.request
from pathlib import Path

from tap import Tap
from traces import digest, traces

REPOSITORY = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("BELLHOP_BIN") or REPOSITORY / "target/debug/bellhop")
STARTUP_SECONDS = DRAIN_SECONDS = 30


class Bellhop:
    """`tokens` maps (user, token name) to a caller's token once `apply` has printed them."""

    def __init__(self, folder: Path, provider: str, upstream: str | dict[str, str], certificates=None):
        self.provider = provider
        self._folder = folder
        self._config = folder / "bellhop.yaml"
        self._log: list[str] = []
        self._listening = threading.Event()
        self._addresses: dict = {}
        self._taps: list[Tap] = []
        self.tokens: dict[tuple[str, str], str] = {}
        self._certificates = certificates
        self._protocol = "https" if certificates else "http"
        config = {
            "listen": {"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0", "providers": {provider: "127.0.0.1:0"}},
            "data_dir": str(folder / "data"),
            "providers": {provider: {"upstream": upstream, "allow_private": True}},
            "log": {"format": "json", "level": "trace"},
        }
        if certificates:
            config["tls"] = {"cert": str(certificates.certificate), "key": str(certificates.key)}
            config["providers"][provider]["ca_file"] = str(certificates.roots)
        self._config.write_text(json.dumps(config))  # JSON is YAML, and the standard library writes it

    def apply(self, state: dict):
        file = self._folder / "state.yaml"
        file.write_text(json.dumps(state))
        done = subprocess.run(
            [BINARY, "apply", "--config", self._config, file],
            capture_output=True,
            text=True,
            timeout=60,
            env=self._environment(),
        )
        assert done.returncode == 0, f"bellhop apply exited {done.returncode}:\n{done.stderr}"
        self._log += done.stderr.splitlines()
        for line in done.stdout.splitlines():
            token = json.loads(line)
            self.tokens[token["user"], token["token"]] = token["value"]

    def run(self, *arguments: str, secret: str = "") -> str:
        """One command beside the running server; what it printed."""
        done = subprocess.run(
            [BINARY, *arguments, "--config", self._config],
            input=secret,
            capture_output=True,
            text=True,
            timeout=60,
            env=self._environment(),
        )
        assert done.returncode == 0, f"bellhop {' '.join(arguments)} exited {done.returncode}:\n{done.stderr}"
        self._log += done.stderr.splitlines()
        return done.stdout

    def start(self):
        self._process = subprocess.Popen(
            [BINARY, "serve", "--config", self._config],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._environment(),
        )
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        if not self._listening.wait(STARTUP_SECONDS) or not self._addresses:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"bellhop did not say `listening`:\n{self.log}")
        self._proxy = self._tap(self._addresses["proxy"])
        self._port = self._tap(self._addresses["providers"][self.provider])

    def stop(self):
        """Ends the process as an operator would, and insists on a clean exit."""
        self._process.terminate()
        try:
            code = self._process.wait(DRAIN_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"bellhop did not drain within {DRAIN_SECONDS} s of SIGTERM:\n{self.log}") from None
        finally:
            self._reader.join(5)
            for tap in self._taps:
                tap.close()
        assert code == 0, f"bellhop exited {code} on SIGTERM:\n{self.log}"

    def payer(self, user: str) -> str | None:
        """The context that would pay for this user's next submission."""
        request = urllib.request.Request(
            f"{self._protocol}://{self._proxy.authority}/whoami", headers={"Authorization": f"Bearer {self.tokens[user, 'laptop']}"}
        )
        encryption = self._certificates.client() if self._certificates else None
        with urllib.request.urlopen(request, timeout=30, context=encryption) as answer:
            return json.load(answer)["providers"][self.provider].get("context")

    def url(self, context: str | None = None) -> str:
        """The path way in, with the context that should pay, if any."""
        return f"{self._protocol}://{self._proxy.authority}/{self.provider}" + (f"@{context}" if context else "")

    @property
    def port_url(self) -> str:
        """The port way in, for SDKs that drop a path."""
        return f"{self._protocol}://{self._port.authority}"

    @property
    def log(self) -> str:
        return "\n".join(self._log)

    def last_refusal(self) -> dict:
        """The newest answer that Bellhop made itself, with its code as `refusal`."""
        heard = b"".join(tap.heard for tap in self._taps).decode(errors="replace")
        *refused, newest = re.split("bellhop-refusal: *", heard, flags=re.IGNORECASE)
        assert refused, "Bellhop has refused nothing yet"
        body, _ = json.JSONDecoder().raw_decode(newest.partition("\r\n\r\n")[2])
        return body | {"refusal": newest.partition("\r\n")[0]}

    def leaks(self, provider_tokens: list[str]) -> list[str]:
        """Where a provider token has come out, or a caller's token was kept."""
        callers = list(self.tokens.values())
        digests = [digest(token) for token in callers]
        found = [f"a caller saw {trace}" for tap in self._taps for trace in traces(tap.heard, provider_tokens)]
        found += [f"the log has {trace}" for trace in traces(self.log.encode(), provider_tokens + callers + digests)]
        for file in (self._folder / "data").rglob("*"):
            if file.is_file():
                found += [f"{file.name} has {trace}" for trace in traces(file.read_bytes(), provider_tokens + callers)]
        return found

    def _tap(self, address: str) -> Tap:
        self._taps.append(tap := Tap(address, self._certificates))
        return tap

    def _read_log(self):
        for line in self._process.stdout:
            self._log.append(line.rstrip("\n"))
            if not self._listening.is_set() and (addresses := _listening(line)):
                self._addresses = addresses
                self._listening.set()
        self._listening.set()  # the process has ended; whoever waits need not

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("BELLHOP_")}
        return inherited | {"HOME": str(self._folder), "RUST_BACKTRACE": "1"}


def _listening(line: str) -> dict | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    fields = event.get("fields", event)
    return fields if fields.get("message") == "listening" else None
