"""Each file of config/deploy by the tool that reads it. See `run`; prints a line for each, and one closing line."""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
BELLHOP = os.environ["BELLHOP_BIN"]
LAST_WRITES = 20  # seconds after `drain.deadline`, see src/app
# Of what `systemd-analyze security` looks at: a proxy has the network, and it is told by a socket what it is to tell systemd.
EXPOSED = {"PrivateNetwork", "IPAddressDeny", "RestrictAddressFamilies_AF_INET_INET6", "RestrictAddressFamilies_AF_UNIX"}
EXPOSED |= {"RootDirectoryOrRootImage", "DeviceAllow"}
KUBERNETES = ("1.27", "1.30", "1.37")
NEWER_SYSTEMD = "Failed to parse service type, ignoring: notify-reload"  # said by systemd before 253, and meant


class Skipped(Exception):
    """A tool that this platform does not have."""


class Deploy:
    def __init__(self, folder: Path):
        self.folder = folder

    # systemd

    def check_systemd_units_are_understood(self):
        with self._units() as units:
            done = run("systemd-analyze", "verify", *units.glob("*.service"), *units.glob("*.socket"))
        said = [line for line in done.stderr.splitlines() if NEWER_SYSTEMD not in line]
        assert done.returncode == 0 and not said, "\n".join(said) or "systemd-analyze verify failed"

    def check_systemd_service_is_confined(self):
        with self._units() as units:
            command = ["systemd-analyze", "security", "--offline=true", "--no-pager"]
            done, told = run(*command, "--json=short", units / "bellhop.service"), run(*command, units / "bellhop.service")
        found = {one["json_field"] for one in json.loads(done.stdout) if float(one.get("exposure") or 0) > 0}
        assert found <= EXPOSED, f"exposed by {sorted(found - EXPOSED)}"
        return "exposure " + re.search(r"Overall exposure level for bellhop.service: ([0-9.]+)", told.stdout)[1]

    def check_systemd_stops_it_after_its_drain(self):
        defaults = yaml.safe_load((ROOT / "config/bellhop.yaml").read_text())["drain"]
        fits(seconds(unit_value(self._service(), "TimeoutStopSec")), defaults)

    def check_systemd_listens_where_bellhop_does(self):
        listen = yaml.safe_load((ROOT / "config/bellhop.yaml").read_text())["listen"]
        streams = set(unit_values(self._systemd() / "bellhop.socket", "ListenStream"))
        assert streams == {listen["proxy"], listen["admin"]}, streams

    def check_systemd_environment_and_command_are_bellhops(self):
        variables, command = {}, unit_value(self._service(), "ExecStart").split()
        for unit in [self._service(), *self._systemd().glob("*.d/*.conf")]:
            variables |= dict(value.split("=", 1) for value in unit_values(unit, "Environment"))
        has_command(command[1:])
        bellhop_takes({}, variables)

    def _systemd(self) -> Path:
        return self.folder / "systemd"

    def _service(self) -> Path:
        return self._systemd() / "bellhop.service"

    def _units(self):
        """As they would be installed; the program is there."""
        if not shutil.which("systemd-analyze"):
            raise Skipped("systemd-analyze is not here (Debian's package systemd)")
        folder = tempfile.TemporaryDirectory(prefix="bellhop-units.")
        shutil.copytree(self._systemd(), folder.name, dirs_exist_ok=True)
        for unit in Path(folder.name).rglob("bellhop.service"):
            unit.write_text(unit.read_text().replace("/usr/local/bin/bellhop", BELLHOP))
        return Entered(folder)

    # The image

    def check_image_passes_hadolint(self):
        if not shutil.which("hadolint"):
            raise Skipped("PyPI has no hadolint for this platform")
        succeeds(run("hadolint", self._dockerfile()))

    def check_image_has_what_it_copies(self):
        kept = (self.folder / "docker/Dockerfile.dockerignore").read_text().splitlines()
        kept = [line[1:] for line in kept if line.startswith("!")]
        gone = [path for path in kept if not (ROOT / path).exists()]
        assert not gone, f"Dockerfile.dockerignore keeps what is not there: {gone}"
        needed = ["Cargo.toml", "Cargo.lock", "askama.toml", "src", "config/bellhop.yaml", "config/providers"]
        needed += re.findall(r"config/deploy/\S+?\.yaml", self._dockerfile().read_text())
        assert set(needed) <= set(kept), f"Dockerfile.dockerignore leaves out {set(needed) - set(kept)}"

    def check_image_commands_are_bellhops(self):
        text = self._dockerfile().read_text()
        asked = json.loads(re.search(r"HEALTHCHECK[^\[]*(\[.*\])", text)[1])
        has_command(asked[1:])
        has_command(json.loads(re.findall(r"^CMD (\[.*\])", text, re.M)[-1]))
        user = re.findall(r"^USER (\S+)", text, re.M)[-1]
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), f"USER is {user}, and has to be numbers other than 0"

    def check_image_configuration_is_bellhops(self):
        bellhop_takes(load(self.folder / "docker/bellhop.yaml"), {})

    def _dockerfile(self) -> Path:
        return self.folder / "docker/Dockerfile"

    # Compose

    def check_compose_fits_its_schema(self):
        succeeds(run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", self._compose()))

    def check_compose_is_confined(self):
        # Digests cannot be known here: whoever runs it pins what they have looked at.
        report = json.loads(run("compose-lint", "--format", "json", self._compose()).stdout)
        found = [f"{one['service']}: {one['message']}" for one in report["findings"] if one["rule_id"] != "CL-0019"]
        assert not found, "\n".join(found)

    def check_compose_services_are_bellhops(self):
        compose, config = load(self._compose()), load(self.folder / "compose/bellhop.yaml")
        services = {name: one for name, one in compose["services"].items() if name.startswith("bellhop-")}
        volumes = [volume for one in services.values() for volume in one["volumes"]]
        assert len(set(volumes)) == len(services) >= 3, f"each has a volume of its own: {volumes}"
        balancer = compose["services"]["balancer"]["networks"]["front"]["ipv4_address"]
        trusted = config["listen"]["trusted_proxies"]
        assert trusted == [f"{balancer}/32"], f"the balancer is {balancer}, and trusted is {trusted}"
        for name, one in services.items():
            bellhop_takes(config, one["environment"])
            fits(seconds(one["stop_grace_period"]), config["drain"])
            given = {f"/run/secrets/{secret}" for secret in one["secrets"]}
            named = set(one["environment"].values())
            assert named <= given, f"{name}: {named - given} is no secret that it is given"
        for kind in ("configs", "secrets"):
            for name, one in compose[kind].items():
                path = self.folder / "compose" / one["file"]
                assert kind == "secrets" or path.is_file(), f"{kind}: {name}: {path} is not there"

    def _compose(self) -> Path:
        return self.folder / "compose/compose.yaml"

    # The balancer

    def check_balancer_does_what_it_is_for(self):
        if not shutil.which("haproxy"):
            raise Skipped("haproxy is not here (Debian's package haproxy)")
        import balancer

        return balancer.tell(self.folder / "compose/haproxy.cfg", load(self.folder / "compose/bellhop.yaml"))

    # The chart

    def check_chart_with_its_defaults(self):
        self._chart_with({})

    def check_chart_with_sqlite(self):
        objects = self._chart_with(load(self._chart() / "ci/sqlite-values.yaml"))
        assert "PodDisruptionBudget" not in objects, "one replica with a budget is a node that cannot be drained"

    def check_chart_with_everything(self):
        objects = self._chart_with(load(self._chart() / "ci/everything-values.yaml"))
        expected = {"HorizontalPodAutoscaler", "Ingress", "NetworkPolicy", "PodDisruptionBudget", "ServiceMonitor"}
        assert expected <= set(objects), f"not there: {expected - set(objects)}"
        assert "replicas" not in objects["StatefulSet"][0]["spec"], "the autoscaler says how many"

    def check_chart_refuses_what_cannot_work(self):
        helm = self._helm()
        for values, words in (
            ({"store": {"secret": ""}}, "SQLite"),
            ({"config": {"store": {"url": "postgres://fake:canary@db/x"}}}, "store.secret"),
            ({"config": {"drain": {"delay": "1s"}}}, "config.drain.delay"),
            ({"config": {"listen": {"proxy": "0.0.0.0:1"}}}, "config.listen.proxy"),
            ({"masterKey": {"secret": ""}}, "masterKey"),
            ({"replicas": 3}, "replicas"),
            ({"drain": {"delay": "10s"}}, "drain"),
        ):
            try:
                self._render(helm, values)
            except helm.HelmError as error:
                assert words in str(error), f"{values}: {error}"
                assert "canary" not in str(error), f"{values}: {error}"
            else:
                raise AssertionError(f"the chart takes {values}")

    def check_chart_carries_rules_and_dashboards(self):
        """Word for word: both are full of braces that are not Helm's."""
        rule = {"alert": "Fake", "expr": "up == 0", "annotations": {"summary": "{{ $labels.instance }} is gone"}}
        dashboard = {"title": "Fake", "legend": "{{instance}}"}
        with tempfile.TemporaryDirectory(prefix="bellhop-chart.") as folder:
            there = Deploy(Path(folder))
            shutil.copytree(self._chart(), there._chart())
            (there._chart() / "rules/fake.yaml").write_text(json.dumps({"groups": [{"name": "fake", "rules": [rule]}]}))
            (there._chart() / "dashboards/fake.json").write_text(json.dumps(dashboard))
            objects = there._chart_with({"prometheusRule": {"enabled": True}, "dashboards": {"enabled": True}})
        assert rule in [one for group in objects["PrometheusRule"][0]["spec"]["groups"] for one in group["rules"]]
        carried = [json.loads(text) for each in objects["ConfigMap"] for text in [each["data"].get("fake.json", "{}")]]
        assert dashboard in carried, carried

    def _chart(self) -> Path:
        return self.folder / "helm/bellhop"

    def _chart_with(self, values: dict) -> dict[str, list]:
        helm = self._helm()
        report = helm.lint(str(self._chart()), values, strict=True)
        said = [f"{one['path']}: {one['error']}" for one in report["messages"] if one["severity"] > 1]
        assert not said and not report["errors"], "\n".join(said + report["errors"])
        objects = {}
        for each in self._render(helm, values):
            fits_kubernetes(each)
            objects.setdefault(each["kind"], []).append(each)
        assert "Secret" not in objects, "the chart makes no secrets"
        self._pods_are_bellhops(objects)
        return objects

    def _pods_are_bellhops(self, objects: dict[str, list]):
        texts = [each["data"]["bellhop.yaml"] for each in objects["ConfigMap"] if "bellhop.yaml" in each["data"]]
        config = yaml.load(texts[0], Strict)
        pod = objects["StatefulSet"][0]["spec"]["template"]["spec"]
        container = pod["containers"][0]
        variables = {one["name"]: one.get("value", "fake") for one in container["env"]}
        bellhop_takes(config, variables)
        has_command(container["args"])
        has_command(objects["Pod"][0]["spec"]["containers"][0]["args"])
        fits(pod["terminationGracePeriodSeconds"], config["drain"])
        drawn = container["readinessProbe"]["periodSeconds"] * container["readinessProbe"]["failureThreshold"]
        assert seconds(config["drain"]["delay"]) > drawn, "it stops accepting before its endpoint is gone"
        paths = [container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")]
        assert paths == ["/healthz", "/healthz", "/readyz"], paths
        mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
        assert config["data_dir"] in mounted, f"data_dir {config['data_dir']} is on no volume"

    def _render(self, helm, values: dict) -> list[dict]:
        with helm.Chart.load(str(self._chart())) as chart:
            rendered = chart.render(values, name="bellhop", namespace="quantum")
        texts = [text for path, text in rendered.items() if path.endswith(".yaml")]
        return [each for text in texts for each in yaml.load_all(text, Strict) if each]

    def _helm(self):
        try:
            import helm_python
        except ImportError:
            raise Skipped("PyPI has no Helm for this platform") from None
        return helm_python

    # Rules, dashboard and figures

    def check_telemetry_rules_are_understood(self):
        succeeds(run(self._promtool(), "check", "rules", self._rules()))

    def check_telemetry_rules_alert_when_they_should(self):
        with tempfile.TemporaryDirectory(prefix="bellhop-rules.") as folder:
            shutil.copy(self._rules(), Path(folder, "rules.yaml"))
            shutil.copy(Path(__file__).parent / "rules_test.yaml", folder)
            succeeds(run(self._promtool(), "test", "rules", "rules_test.yaml", cwd=folder))

    def check_telemetry_figures_are_prometheus(self):
        """What a running Bellhop says is read, and its names judged, by Prometheus' own parser."""
        done = run(self._promtool(), "check", "metrics", input=figures())
        assert done.returncode == 0 and not done.stderr.strip(), done.stderr

    def check_telemetry_dashboard_is_whole(self):
        panels = load(self.folder / "telemetry/dashboard.json")["panels"]
        ids, places = [panel["id"] for panel in panels], [panel["gridPos"] for panel in panels]
        assert len(set(ids)) == len(ids), "two panels have one id"
        taken = [(x, y) for at in places for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])]
        assert len(set(taken)) == len(taken) and max(x for x, _ in taken) < 24, "panels stand on each other"

    def _rules(self) -> Path:
        return self.folder / "telemetry/rules.yaml"

    def _promtool(self) -> str:
        """Of Debian's package, taken out of it: installed, that would start a server."""
        if found := shutil.which("promtool"):
            return found
        if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
            raise Skipped("promtool is not here (Debian's package prometheus)")
        cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "bellhop/promtool"
        if not cache.is_file():
            with tempfile.TemporaryDirectory(prefix="bellhop-promtool.") as folder:
                run("apt-get", "download", "-qq", "prometheus", cwd=folder)
                packages = list(Path(folder).glob("*.deb"))
                if not packages:
                    raise Skipped("promtool is not here, and apt-get has no package prometheus")
                succeeds(run("dpkg-deb", "-x", packages[0], Path(folder, "unpacked")))
                cache.parent.mkdir(parents=True, exist_ok=True)
                half = cache.with_name(f"promtool.{os.getpid()}")
                shutil.copy2(Path(folder, "unpacked/usr/bin/promtool"), half)
                half.rename(cache)  # whole or not there at all
        return str(cache)

    # Secrets

    def check_all_files_are_free_of_secrets(self):
        shapes = re.compile(r"\b[1-9]\d*:[A-Za-z0-9+/]{43}=|bhp_[0-9A-Za-z]{36}|-----BEGIN|AKIA[0-9A-Z]{16}")
        found = [path for path in self.folder.rglob("*") if path.is_file() and shapes.search(path.read_text())]
        found = [str(path) for path in found if "secrets" not in path.parts]
        assert not found, f"in {found}"


# What a file asks of Bellhop


def bellhop_takes(config: dict, variables: dict):
    """`bellhop check` with this file and this environment, whose secrets are fakes."""
    with tempfile.TemporaryDirectory(prefix="bellhop-check.") as folder:
        file, secret = Path(folder, "bellhop.yaml"), Path(folder, "secret")
        # Where these folders are is the deployment's; here they may not be made.
        file.write_text(json.dumps({**config, "data_dir": folder}))
        secret.write_text("postgres://fake@127.0.0.1/fake")
        ours = {name: value for name, value in variables.items() if name != "BELLHOP_CONFIG"}
        ours |= {name: str(secret) for name in ours if name.endswith("_FILE")}
        ours |= {name: folder for name in ours if name == "BELLHOP_DATA_DIR"}
        unknown = [name for name in ours if name.startswith("BELLHOP_") and not is_known(name, ours)]
        assert not unknown, f"Bellhop reads no {unknown}"
        done = run(BELLHOP, "check", "--offline", "--config", file, env=ours, cwd=folder)
        assert done.returncode == 0, done.stderr.replace(str(file), "bellhop.yaml")


def is_known(name: str, variables: dict) -> bool:
    """`check` finds unknown ones of the form SECTION__KEY; others it leaves alone, and they may be named in the file."""
    documented = (ROOT / "docs/configuration.md").read_text() + (ROOT / "README.md").read_text()
    return "__" in name or f"{name}`" in documented or variables[name] == "fake"


def has_command(arguments: list[str]):
    """The command exists, and each of its flags."""
    help_text = run(BELLHOP, arguments[0], "--help")
    assert help_text.returncode == 0, f"`bellhop {arguments[0]}` is no command"
    for flag in (argument for argument in arguments if argument.startswith("--")):
        assert re.search(rf"{flag.split('=')[0]}\b", help_text.stdout), f"`bellhop {arguments[0]}` has no {flag}"


def fits(grace: float, drain: dict):
    needed = seconds(drain["delay"]) + seconds(drain["deadline"]) + LAST_WRITES
    assert grace >= needed, f"killed after {grace} s, and draining takes {needed}"


def fits_kubernetes(each: dict):
    import kubernetes_validate

    if each["apiVersion"].startswith("monitoring.coreos.com/"):
        return  # Kubernetes does not know these; whoever installs the operator has them checked by its admission.
    for version in KUBERNETES:
        try:
            kubernetes_validate.validate(each, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            path = ".".join(map(str, error.path))
            raise AssertionError(f"{each['kind']} for {version}: {path}: {error.message}") from None


def figures() -> str:
    """What `/metrics` of a Bellhop says that has just begun."""
    with tempfile.TemporaryDirectory(prefix="bellhop-figures.") as folder:
        settings = ["listen.proxy=127.0.0.1:0", "listen.admin=127.0.0.1:0", "listen.workers=1", "log.format=json"]
        command = [BELLHOP, "serve", "--data-dir", folder, *(word for one in settings for word in ("--set", one))]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=folder) as serving:
            try:
                said = (json.loads(line) for line in serving.stderr)
                admin = next(line["admin"] for line in said if line["message"] == "listening")
                with urllib.request.urlopen(f"http://{admin}/metrics", timeout=30) as answer:
                    return answer.read().decode()
            finally:
                serving.terminate()


# Files


class Strict(yaml.SafeLoader):
    """Of a key that is there twice, one would not count."""


def strict_mapping(loader: Strict, node: yaml.MappingNode) -> dict:
    keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
    twice = {key for key in keys if keys.count(key) > 1}
    assert not twice, f"{sorted(twice)} is there twice, at line {node.start_mark.line + 1}"
    loader.flatten_mapping(node)
    return dict(loader.construct_pairs(node, deep=True))


Strict.add_constructor("tag:yaml.org,2002:map", strict_mapping)


def load(path: Path) -> dict:
    return yaml.load(path.read_text(), Strict)


def unit_values(unit: Path, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit.read_text(), re.M)


def unit_value(unit: Path, key: str) -> str:
    return unit_values(unit, key)[-1]


def seconds(duration: str | int) -> float:
    units = {"ms": 0.001, "s": 1, "": 1, "m": 60, "min": 60, "h": 3600}
    found = re.findall(r"(\d+)\s*([a-z]*)", str(duration))
    return sum(int(count) * units[unit] for count, unit in found)


class Entered:
    def __init__(self, folder: tempfile.TemporaryDirectory):
        self._folder = folder

    def __enter__(self) -> Path:
        return Path(self._folder.name)

    def __exit__(self, *_):
        self._folder.cleanup()


def run(*command, **options) -> subprocess.CompletedProcess:
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120, **options)


def succeeds(done: subprocess.CompletedProcess):
    assert done.returncode == 0, (done.stdout + done.stderr).strip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="systemd, image, compose, balancer, chart, telemetry")
    parser.add_argument("--folder", type=Path, default=ROOT / "config/deploy")
    wanted = parser.parse_args()
    deploy, tally = Deploy(wanted.folder.resolve()), {"ok": 0, "FAILED": 0, "skipped": 0}
    checks = [name for name in vars(Deploy) if name.startswith("check_")]
    if wanted.only:
        checks = [name for name in checks if name.split("_")[1] in wanted.only.split(",")]
    for name in checks:
        verdict, words, began = "ok", None, time.monotonic()
        try:
            words = getattr(deploy, name)()
        except Skipped as reason:
            verdict, words = "skipped", str(reason)
        except Exception as error:  # also a file that is not there, or is no YAML: the others are still worth looking at
            verdict, words = "FAILED", str(error) if isinstance(error, AssertionError) else repr(error)
        tally[verdict] += 1
        took = f", {time.monotonic() - began:.0f} s" if time.monotonic() - began > 1 else ""
        print(f"{verdict:8}{name[6:].replace('_', ' ')}{took}" + (f": {words}" if words else ""), flush=True)
    skipped = f", {tally['skipped']} skipped" if tally["skipped"] else ""
    print(f"deploy: {tally['ok']} passed, {tally['FAILED']} failed{skipped}")
    return int(tally["FAILED"] > 0 or not tally["ok"])


if __name__ == "__main__":
    sys.exit(main())
