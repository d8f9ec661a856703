"""How the engine is run is a setting: wrong ones stop the start, right ones reach the inference server."""

import os
from collections.abc import Callable
from typing import get_args

import pytest
from pydantic import ValidationError

from deploy.local.parts import parts_for
from inference.cli.draft_options import Drafts
from inference.config import Dtype, EngineConfig, KvDtype
from inference.server.__main__ import parse_arguments, serving_config
from webapp.settings.environment import Environment

Settings = Callable[..., Environment]


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of a process that has these in its environment, and a secret key."""
    for field in Environment.model_fields.values():
        if field.alias and field.alias in os.environ:
            monkeypatch.delenv(field.alias)
    monkeypatch.setenv("SECRET_KEY", "k" * 64)

    def read(**given: str) -> Environment:
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        return Environment(_env_file=None)

    return read


def arguments(environment: Environment) -> list[str]:
    """What the inference server is started with."""
    (inference,) = [part for part in parts_for(environment, None) if part.name == "inference"]
    return list(inference.command[3:])


def engine_of(environment: Environment) -> EngineConfig:
    return serving_config(parse_arguments(arguments(environment))).engine


def test_without_settings_the_engine_has_its_own_defaults(settings: Settings) -> None:
    by_default = EngineConfig()
    found = engine_of(settings())
    for name in ("device", "num_ranks", "dtype", "kv_dtype", "drafts", "draft_model"):
        assert getattr(found, name) == getattr(by_default, name), name


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"CRIA_DEVICE": "cuda", "CRIA_NUM_RANKS": "8"}, {"device": "cuda", "num_ranks": 8}),
        ({"CRIA_DTYPE": "bfloat16"}, {"dtype": "bfloat16", "kv_dtype": "auto"}),
        ({"CRIA_DEVICE": "cuda", "CRIA_DTYPE": "int8", "CRIA_KV_DTYPE": "fp8"}, {"dtype": "int8", "kv_dtype": "fp8"}),
        ({"CRIA_DRAFTS": "off"}, {"drafts": "off", "draft_model": ""}),
        ({"CRIA_DRAFT_MODEL": "/models/1b"}, {"drafts": "model", "draft_model": "/models/1b"}),
        ({"CRIA_DRAFTS": "eagle", "CRIA_DRAFT_MODEL": "/eagle"}, {"drafts": "eagle", "draft_model": "/eagle"}),
        ({"CRIA_DRAFTS": "", "CRIA_DEVICE": "", "CRIA_NUM_RANKS": ""}, {"drafts": "lookup", "device": "cpu"}),
    ],
)
def test_a_setting_reaches_the_engine(settings: Settings, given: dict[str, str], expected: dict[str, object]) -> None:
    engine = engine_of(settings(**given))
    assert {name: getattr(engine, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("given", "name", "reason"),
    [
        ({"CRIA_DRAFTS": "guess"}, "CRIA_DRAFTS", "'lookup', 'model', 'eagle' or 'off'"),
        ({"CRIA_DRAFTS": "model"}, "CRIA_DRAFTS", "model needs CRIA_DRAFT_MODEL"),
        ({"CRIA_DRAFTS": "eagle"}, "CRIA_DRAFTS", "eagle needs CRIA_DRAFT_MODEL"),
        ({"CRIA_DRAFTS": "lookup", "CRIA_DRAFT_MODEL": "/x"}, "CRIA_DRAFTS", "lookup takes no CRIA_DRAFT_MODEL"),
        ({"CRIA_DRAFTS": "off", "CRIA_DRAFT_MODEL": "/x"}, "CRIA_DRAFTS", "off takes no CRIA_DRAFT_MODEL"),
        ({"CRIA_NUM_RANKS": "0"}, "CRIA_NUM_RANKS", "greater than or equal to 1"),
        ({"CRIA_DEVICE": "tpu"}, "CRIA_DEVICE", "'cpu' or 'cuda'"),
        ({"CRIA_DTYPE": "int2"}, "CRIA_DTYPE", "'int4'"),
        ({"CRIA_DTYPE": "fp8"}, "CRIA_DTYPE", "fp8 needs CRIA_DEVICE=cuda"),
        ({"CRIA_KV_DTYPE": "fp8"}, "CRIA_KV_DTYPE", "fp8 needs CRIA_DEVICE=cuda"),
        ({"CRIA_DEVICE": "cuda", "CRIA_NUM_RANKS": "2", "CRIA_KV_DTYPE": "fp8"}, "CRIA_KV_DTYPE", "in one piece"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_its_name(
    settings: Settings, given: dict[str, str], name: str, reason: str
) -> None:
    """Before a model is loaded, which takes minutes."""
    with pytest.raises(ValidationError) as refusal:
        settings(**given)
    (error,) = refusal.value.errors()
    assert error["loc"] == (name,) and reason in error["msg"]


@pytest.mark.parametrize(("field", "known"), [("dtype", Dtype), ("kv_dtype", KvDtype), ("drafts", Drafts)])
def test_the_settings_know_what_the_engine_knows(field: str, known: object) -> None:
    """They do not import it, so this keeps them together."""
    annotation = Environment.model_fields[field].annotation
    allowed = get_args(annotation) if type(None) not in get_args(annotation) else get_args(get_args(annotation)[0])
    assert allowed == get_args(known)


def test_another_server_is_not_told_how_to_run_its_model(settings: Settings) -> None:
    told = arguments(settings(CRIA_INFERENCE_URL="http://vllm:8000", CRIA_DRAFT_MODEL="/x", CRIA_DEVICE="cuda"))
    assert not {"--model", "--draft-model", "--device"} & set(told)
