"""docker-compose.yml holds what the design says, as far as that can be seen without a container engine."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from deploy.images import probe
from deploy.local.parts import parts_for
from webapp.settings.environment import Environment

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
SECRETS = {"SECRET_KEY": "k" * 64, "POSTGRES_PASSWORD": "0123456789abcdef"}
ALIASES = {field.alias for field in Environment.model_fields.values() if field.alias}

PROCESSES = {"web", "worker", "beat", "inference", "redis", "volatile"}
APP = {"setup", "web", "worker", "beat"}  # one image, one environment

# Where things are inside the containers: not for a person to choose.
FIXED = {"CRIA_VAR", "DATABASE_URL", "REDIS_URL", "CRIA_VOLATILE_REDIS_URL", "CRIA_INFERENCE_PORT"}
# Names that only containers know. docs/deployment.md explains them.
ONLY_HERE = {"FORWARDED_ALLOW_IPS", "POSTGRES_PASSWORD", "HF_TOKEN", "CRIA_INFERENCE_MEMORY"}
# Read by the inference server alone.
OF_THE_ENGINE = {
    *(
        "CRIA_THREADS",
        "CRIA_DEVICE",
        "CRIA_NUM_RANKS",
        "CRIA_DTYPE",
        "CRIA_KV_DTYPE",
        "CRIA_DRAFT_MODEL",
        "CRIA_DRAFTS",
    ),
}
NOT_SETTINGS = {"FORWARDED_ALLOW_IPS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"}

ACCEPTED_FINDINGS = {
    "CL-0019": "digests are for who publishes images; ours are built in place, from tags with a full version",
    "CL-0026": "memory and processes are limited, processor time is not: a limit above the machine's cores fails there",
}


def tool(name: str) -> Path:
    """A command that came with a package of the test set-up."""
    return Path(sys.executable).with_name(name)


def compose_config(folder: Path, settings: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """What `docker compose config` prints for these settings and nothing else, by another implementation of it.

    It asks podman for its version before anything else, which does not matter here: something answers in its place.
    """
    (folder / "docker-compose.yml").write_text(COMPOSE.read_text())
    podman = folder / "podman"
    podman.write_text("#!/bin/sh\necho podman version 5.0.0\n")
    podman.chmod(0o755)
    return subprocess.run(
        [tool("podman-compose"), "--podman-path", podman, "config"],
        cwd=folder,
        env={"PATH": f"{folder}:{os.environ['PATH']}", **settings},
        capture_output=True,
        text=True,
        check=False,
    )


def resolved(folder: Path, settings: Mapping[str, str]) -> dict[str, Any]:
    printed = compose_config(folder, settings)
    assert printed.returncode == 0, printed.stderr
    config = yaml.safe_load(printed.stdout)
    assert isinstance(config, dict)
    return config


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The whole file with secrets and defaults filled in."""
    return resolved(tmp_path_factory.mktemp("compose"), SECRETS)


@pytest.fixture(scope="module")
def services(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return dict(config["services"])


def test_it_follows_the_compose_specification() -> None:
    """An unknown or misspelt key would be refused by the engine, on the machine where it matters."""
    checked = subprocess.run(
        [tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", COMPOSE],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_the_security_linter_finds_nothing_but_what_is_accepted() -> None:
    """An accepted finding that is gone is no longer accepted either."""
    checked = subprocess.run(
        [tool("compose-lint"), "check", "--format", "json", "--no-env", "--no-merge-overrides", COMPOSE],
        capture_output=True,
        text=True,
        check=False,
    )
    findings = json.loads(checked.stdout)["findings"]
    assert {finding["rule_id"] for finding in findings} == set(ACCEPTED_FINDINGS), checked.stdout


@pytest.mark.parametrize("missing", SECRETS)
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_secret_stops_everything_and_says_how_to_make_one(
    missing: str, value: str | None, tmp_path: Path
) -> None:
    """A default secret is a public one."""
    settings = {name: given for name, given in SECRETS.items() if name != missing}
    refused = compose_config(tmp_path, settings | ({} if value is None else {missing: value}))
    assert refused.returncode != 0
    assert re.search(rf"{missing} .*openssl rand -hex 32", refused.stderr)


def test_the_five_processes_the_database_and_the_set_up(services: dict[str, Any]) -> None:
    """The same five as on a laptop; PostgreSQL takes the place of SQLite."""
    assert set(services) == PROCESSES | {"postgres", "setup"}


def test_whatever_stays_up_is_asked_whether_it_is_well(services: dict[str, Any]) -> None:
    """Every check is bounded in time, and a slow start is no failure."""
    for name, service in services.items():
        if name == "setup":
            assert service["restart"] == "no"
            continue
        check = service["healthcheck"]
        assert check["test"][0] in {"CMD", "CMD-SHELL"}, name
        assert {"interval", "timeout", "retries", "start_period"} <= set(check), name
        assert service["restart"] == "unless-stopped", name


def test_the_probes_that_are_asked_for_exist(services: dict[str, Any]) -> None:
    """A health check with a wrong name is a container that never becomes healthy."""
    asked = {name: services[name]["healthcheck"]["test"] for name in probe.CHECKS}
    assert asked == {name: ["CMD", "python", "-m", "deploy.images.probe", name] for name in probe.CHECKS}
    assert set(probe.CHECKS) == APP - {"setup"}


def test_one_starts_after_what_it_cannot_do_without(services: dict[str, Any]) -> None:
    """The set-up needs the database; the rest needs the set-up to have ended well, the database and the broker."""
    assert services["setup"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for name in ("web", "worker", "beat"):
        assert services[name]["depends_on"] == {
            "setup": {"condition": "service_completed_successfully"},
            "postgres": {"condition": "service_healthy"},
            "redis": {"condition": "service_healthy"},
            "volatile": {"condition": "service_healthy"},
            "inference": {"condition": "service_started"},
        }


def test_only_the_pages_are_published_and_only_to_this_machine(services: dict[str, Any], tmp_path: Path) -> None:
    """Somebody who wants more says so with HOST."""
    assert {name: service["ports"] for name, service in services.items() if "ports" in service} == {
        "web": ["127.0.0.1:8000:8000"]
    }
    wider = resolved(tmp_path, SECRETS | {"HOST": "192.0.2.7", "PORT": "8443"})["services"]["web"]
    assert wider["ports"] == ["192.0.2.7:8443:8000"]
    assert (wider["environment"]["HOST"], wider["environment"]["PORT"]) == ("192.0.2.7", "8443")


def test_the_database_and_the_broker_are_out_of_reach(config: dict[str, Any], services: dict[str, Any]) -> None:
    """The network they are on leads nowhere, and the inference server, which reads foreign files, is not on it."""
    assert config["networks"]["data"] == {"internal": True}
    assert all(_networks(services[name]) == {"data"} for name in ("postgres", "redis", "volatile"))
    assert all(_networks(services[name]) == {"data", "default"} for name in APP)
    assert "data" not in _networks(services["inference"])


def test_every_service_can_do_as_little_as_possible(services: dict[str, Any]) -> None:
    """Whoever breaks into one has no capability, no way to become root, and no file to change."""
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] is True, name
        assert "/tmp" in service["tmpfs"], name
        assert service["pids_limit"] > 0, name
        assert re.fullmatch(r"\d+[mg]", service["mem_limit"]), name
        assert re.fullmatch(r"\d+s", service["stop_grace_period"]), name
        # Ours set their user in the image (test_images.py).
        assert "build" in service or service["user"] not in {"root", "0"}, name


def test_images_have_a_full_version_or_are_built_here(services: dict[str, Any]) -> None:
    """A tag that moves would be another database one day. A name of ours could be anybody's in a registry."""
    for name, service in services.items():
        if "build" in service:
            assert service["pull_policy"] == "build", name
            assert (ROOT / service["build"]["dockerfile"]).is_file(), name
        else:
            assert re.search(r":\d+\.\d+(\.\d+)?(-\w+)?$", service["image"]), name


def test_what_is_kept_is_on_a_named_volume(config: dict[str, Any], services: dict[str, Any]) -> None:
    """Everything else is gone with the container. No volume is declared for nothing."""
    mounts = [(name, *mount.split(":")) for name, service in services.items() for mount in service.get("volumes", [])]
    assert {mount[1] for mount in mounts} == set(config["volumes"])
    assert ("postgres", "database", "/var/lib/postgresql/data") in mounts
    assert ("redis", "redis", "/data") in mounts
    assert ("setup", "static", "/var/lib/cria/static") in mounts
    assert ("web", "static", "/var/lib/cria/static", "ro") in mounts


def test_redis_keeps_what_it_is_told(services: dict[str, Any]) -> None:
    """As the embedded one: at most a second is lost, and a queue is never thrown away."""
    executable, *options = services["redis"]["command"]
    assert executable == "valkey-server"
    assert {"--appendonly yes", "--appendfsync everysec", "--maxmemory-policy noeviction"} <= {
        f"{name} {value}" for name, value in zip(options[::2], options[1::2], strict=True)
    }


def test_what_is_volatile_is_on_no_disk(services: dict[str, Any]) -> None:
    """The keys of temporary chats, and the logs of what is written in them, are in memory and nowhere else."""
    executable, *options = services["volatile"]["command"]
    assert executable == "valkey-server"
    assert {("--appendonly", "no"), ("--save", ""), ("--maxmemory-policy", "noeviction")} <= set(
        zip(options[::2], options[1::2], strict=True)
    )
    assert "volumes" not in services["volatile"]
    assert "/data" in services["volatile"]["tmpfs"]


def test_every_setting_reaches_the_processes_that_read_it(services: dict[str, Any], tmp_path: Path) -> None:
    """A setting in .env that does nothing here would be found out late. Fixed ones stay as they are."""
    told = {name: f"told-{name.lower()}" for name in ALIASES}
    found = resolved(tmp_path, told | SECRETS)["services"]
    told |= SECRETS
    for name in APP:
        arrived = found[name]["environment"]
        assert set(arrived) <= ALIASES | NOT_SETTINGS
        for alias in ALIASES - FIXED - OF_THE_ENGINE:
            assert arrived[alias] == told[alias], f"{name}: {alias}"
        for alias in ("REDIS_URL", "CRIA_VOLATILE_REDIS_URL"):
            assert arrived[alias] == services[name]["environment"][alias]
    inference = found["inference"]["environment"]
    assert set(inference) - ALIASES == {"HF_TOKEN"}
    for alias in {"CRIA_MODEL", "CRIA_INFERENCE_URL", "LOG_FORMAT", *OF_THE_ENGINE}:
        assert inference[alias] == told[alias]


def test_without_settings_the_defaults_are_those_of_make_run(
    services: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Except for addresses inside, and logs for machines."""
    by_default = _settings(SECRETS, monkeypatch)
    here = _settings(services["web"]["environment"], monkeypatch)
    different = {name for name in Environment.model_fields if getattr(here, name) != getattr(by_default, name)}
    addresses = {"database_url", "redis_url", "volatile_redis_url", "inference_url", "encoders_url"}
    assert different == {*addresses, "log_format"}
    assert here.chat_url == here.encoder_url == "http://inference:8090"
    assert here.log_format == "json"
    database, redis = urlsplit(here.database), urlsplit(here.redis)
    assert (database.scheme, database.hostname, database.password) == (
        "postgres",
        "postgres",
        SECRETS["POSTGRES_PASSWORD"],
    )
    assert redis.hostname == "redis"
    assert urlsplit(here.volatile_redis).hostname == "volatile"
    assert {database.username, database.path.strip("/")} == {services["postgres"]["environment"]["POSTGRES_USER"]}


def test_another_chat_server_is_one_setting(tmp_path: Path) -> None:
    """The own server then still brings embeddings and guard scores."""
    found = resolved(tmp_path, SECRETS | {"CRIA_INFERENCE_URL": "http://vllm:8000"})["services"]
    assert found["worker"]["environment"]["CRIA_INFERENCE_URL"] == "http://vllm:8000"
    assert found["worker"]["environment"]["CRIA_ENCODERS_URL"] == "http://inference:8090"
    assert found["inference"]["environment"]["CRIA_INFERENCE_URL"] == "http://vllm:8000"


def test_every_name_a_person_may_set_is_documented() -> None:
    """In .env.example, or on the page about containers where only those know it."""
    used = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE.read_text()))
    assert used == ALIASES - FIXED | ONLY_HERE
    page = (ROOT / "docs" / "deployment.md").read_text()
    for name in ONLY_HERE | {"SECRET_KEY"}:
        assert f"`{name}`" in page, name


def test_the_commands_are_those_of_make_run(services: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """An option that is added there and forgotten here would be a difference nobody meant."""
    local = {part.name: part.command for part in parts_for(_settings(SECRETS, monkeypatch), None)}
    for name in ("web", "worker", "beat"):
        executable, *arguments = services[name]["command"]
        python_m = local[name][1:3]
        assert python_m == ("-m", executable)
        assert _options(arguments) == _options(local[name][3:]), name
    assert services["setup"]["command"] == ["python", *local["setup"][1:]]
    assert services["worker"]["command"][4:6] == ["worker", "--pool=prefork"]
    assert {"webapp.asgi:application", "--host=0.0.0.0", "--port=8000"} <= set(services["web"]["command"])


def _options(arguments: Any) -> set[str]:
    return {argument.partition("=")[0] for argument in arguments if argument.startswith("-")}


def _networks(service: dict[str, Any]) -> set[str]:
    return set(service.get("networks", ["default"]))


def _settings(values: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Environment:
    """As a process sees them that has these in its environment and nothing else."""
    for alias in _names_in(os.environ):
        monkeypatch.delenv(alias)
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return Environment(_env_file=None)


def _names_in(environment: Mapping[str, str]) -> Iterator[str]:
    yield from ALIASES & set(environment)
