"""The models of this process. They load in the background, so that the address answers from the first moment."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from inference.config import EngineConfig
from inference.errors import InvalidRequest, NotServing

if TYPE_CHECKING:
    from inference.encoders.guard import GuardClassifier
    from inference.encoders.minilm import SentenceEncoder
    from inference.engine.thread import EngineThread
    from inference.parallel.launch import Followers
    from inference.server.grammars import Grammars
    from inference.weights.checkpoint import Checkpoint, ModelCard

logger = logging.getLogger(__name__)

Model = TypeVar("Model")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingConfig:
    """What to serve. Empty means: not served here. `model_sha256` is the expected digest of the chat model's file."""

    model: str = ""
    model_sha256: str = ""
    model_name: str = ""
    embedder: str = ""
    embedder_tokenizer: str = ""
    guard: str = ""
    engine: EngineConfig = field(default_factory=EngineConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatModel:
    """The chat model and the thread that runs it. `max_open` requests are held at a time."""

    checkpoint: "Checkpoint"
    card: "ModelCard"
    engine: "EngineThread"
    grammars: "Grammars"
    max_context: int
    max_open: int


class Serving:
    """Loads the models of `config` on a thread of its own; `on_failure` hears why a model could not be loaded."""

    def __init__(self, config: ServingConfig, *, on_failure: Callable[[Exception], None]) -> None:
        self.config = config
        self.started_at = int(time.time())
        self.is_draining = False
        self._on_failure = on_failure
        self._chat: ChatModel | None = None
        self._encoder: SentenceEncoder | None = None
        self._guard: GuardClassifier | None = None
        self._followers: Followers | None = None
        self._is_loaded = False
        self._thread = threading.Thread(target=self._load, name="load", daemon=True)

    def start(self) -> None:
        """Begin to load."""
        self._thread.start()

    def close(self) -> None:
        """Stop the engine; open requests hear that the server is going down."""
        self.is_draining = True
        if self._chat:
            self._chat.engine.close()
            self._chat.grammars.close()
            if self._followers:
                self._followers.dismiss()
        elif self._followers:
            self._followers.kill()

    @property
    def has_left_ranks(self) -> bool:
        """Whether the interpreter can end as usual: no group of processes stands that would abort it."""
        return self._followers is None or self._followers.has_left

    def reason_not_ready(self) -> str:
        """Empty when every model is ready and the server is not going down."""
        if self.is_draining:
            return "The server is going down."
        return "" if self._is_loaded else "The models are loading."

    def chat_model(self, name: str = "") -> ChatModel:
        """The chat model, whose id `name` has to be if it is given.

        Raises NotServing while loading, when going down, and where no chat model is served; InvalidRequest for another
        model.
        """
        model = self._require(self._chat, "chat model")
        if name not in ("", model.card.id):
            raise InvalidRequest(f"There is no model '{name[:200]}'.", code="model_not_found", param="model")
        return model

    def encoder(self) -> "SentenceEncoder":
        """Raises NotServing, as `chat_model`."""
        return self._require(self._encoder, "embedding model")

    def guard(self) -> "GuardClassifier":
        """Raises NotServing, as `chat_model`."""
        return self._require(self._guard, "moderation model")

    @property
    def chat_or_none(self) -> ChatModel | None:
        return self._chat

    def _require(self, model: Model | None, what: str) -> Model:
        if reason := self.reason_not_ready():
            raise NotServing(reason, code="shutting_down" if self.is_draining else "loading")
        if model is None:
            raise NotServing(f"This server has no {what}.", code="not_served")
        return model

    def _load(self) -> None:
        started = time.monotonic()
        try:
            self._load_encoders()
            if self.config.model:
                if self.config.engine.num_ranks > 1:
                    from inference.parallel.launch import Followers

                    self._followers = Followers(on_lost=self._on_failure)
                self._chat = load_chat_model(self.config, self._followers)
        except Exception as error:
            if not self.is_draining:  # or it has failed because everything is being taken away
                self._on_failure(error)
            return
        self._is_loaded = True
        logger.info("ready", extra={"load_s": round(time.monotonic() - started, 2)})

    def _load_encoders(self) -> None:
        config = self.config
        if not config.embedder:
            return
        from inference.encoders.minilm import SentenceEncoder

        model_path = Path(config.embedder)
        tokenizer_path = Path(config.embedder_tokenizer) if config.embedder_tokenizer else model_path / "tokenizer.json"
        self._encoder = SentenceEncoder(model_path, tokenizer_path, num_threads=config.engine.num_threads)
        if config.guard:
            from inference.encoders.guard import GuardClassifier

            # A check takes milliseconds; a second thread would cost more processor time than it saves.
            self._guard = GuardClassifier.load(Path(config.guard), tokenizer_path, num_threads=1)


def load_chat_model(config: ServingConfig, followers: "Followers | None" = None) -> ChatModel:
    """Read a checkpoint, put its weights into memory and start its engine. Raises CheckpointError.

    With `followers` the model is shared with them; they are started here.
    """
    from inference.engine.load import load_decoder, load_engine
    from inference.engine.thread import EngineThread
    from inference.sampling.compiler import GrammarCompiler
    from inference.server.grammars import Grammars
    from inference.weights.open import open_checkpoint

    started = time.monotonic()
    checkpoint = open_checkpoint(config.model, sha256=config.model_sha256)
    ranks = followers.start(checkpoint, config.engine) if followers else None
    loaded = load_decoder(checkpoint, config.engine, ranks=ranks)
    max_context = loaded.model.max_context
    card = replace(checkpoint.card, id=config.model_name or checkpoint.card.id, context_length=max_context)
    engine = load_engine(checkpoint, config.engine, loaded)
    fields = {
        "model": card.id,
        "computed_by": loaded.computed_by,
        "max_context": max_context,
        "num_threads": config.engine.num_threads,
        "num_ranks": config.engine.num_ranks,
        "drafts": config.engine.drafts,
        "load_s": round(time.monotonic() - started, 2),
    }
    logger.info("model_loaded", extra=fields)
    max_open = config.engine.max_running + config.engine.max_waiting
    compiler = GrammarCompiler(
        checkpoint.tokenizer, vocab_size=checkpoint.shape.vocab_size, stop_ids=checkpoint.stop_ids
    )
    return ChatModel(
        checkpoint=checkpoint,
        card=card,
        engine=EngineThread(engine, max_open=max_open),
        grammars=Grammars(compiler),
        max_context=max_context,
        max_open=max_open,
    )
