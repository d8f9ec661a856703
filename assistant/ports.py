"""What a turn asks of the world around it. Each protocol is met by an adapter in `webapp.wiring`."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from assistant.safety.code_shield.report import CodeReport
from assistant.safety.verdict import Verdict

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """The model asks for a tool. `arguments` is JSON as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOffer:
    """A tool as the model is told of it. `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage:
    """One message as the model sees it.

    `token_ids` are the ids the model itself generated for `text`. The engine splices them into the prompt instead of
    tokenising the text again, so that its prefix cache hits and a continued reply is exact. Empty where unknown.
    A message of the role "tool" is the result of the call `call_id`.
    """

    role: Role
    text: str
    token_ids: tuple[int, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """What the model is to answer.

    With `continues` the last message is the beginning of the reply, and the model goes on from there. `seed` with the
    position of a token in the reply fixes the sampling noise, so that a continued reply equals an uninterrupted one.
    The model may call `tools`; with `schema` the whole reply is JSON of that form.
    """

    messages: tuple[ChatMessage, ...]
    continues: bool
    max_tokens: int
    temperature: float
    top_p: float
    seed: int
    tools: tuple[ToolOffer, ...] = ()
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedPiece:
    """Some more text, with exactly the token ids it was decoded from (none, where the engine does not tell)."""

    text: str
    token_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationEnd:
    """Why the model stopped and what it cost, in tokens. With `calls` it waits for their results."""

    finish_reason: Literal["stop", "length"]
    prompt_tokens: int = 0
    cached_tokens: int = 0
    reply_tokens: int = 0
    calls: tuple[ToolCall, ...] = ()


class ChatModel(Protocol):
    def stream(self, request: GenerationRequest) -> AsyncGenerator[GeneratedPiece | GenerationEnd, None]:
        """Pieces as they are generated, then one end. Closing the generator stops the generation.

        Raises ModelUnavailable if the engine cannot be reached or breaks off, ModelRefused if it refuses the request.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A piece of a document of the library: `text` is what the document holds at [char_start, char_end)."""

    passage_id: int
    document_id: str
    title: str
    text: str
    url: str
    score: float
    char_start: int
    char_end: int


class PassageIndex(Protocol):
    async def search(self, query: str, *, k: int) -> Sequence[Passage]:
        """The `k` passages nearest to `query` among those this person may read, best first. Empty is an answer.

        Raises RetrievalUnavailable if the embedding service cannot be reached.
        """
        ...


class Embedder(Protocol):
    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """One unit vector for each text, in order. Raises RetrievalUnavailable if the service cannot be had."""
        ...


class Guard(Protocol):
    """Judges the last message of a conversation; the messages before it are its context."""

    async def check(self, conversation: Sequence[ChatMessage]) -> Verdict:
        """Raises GuardUnavailable if no verdict can be had. Silence is never "safe"."""
        ...


class CodeShield(Protocol):
    """Looks through the code in an answer."""

    async def scan(self, text: str) -> CodeReport:
        """What is insecure in the blocks of code of `text`, and which of them were not looked through. Never raises."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPage:
    """One hit of a web search."""

    title: str
    url: str
    excerpt: str


class WebSearch(Protocol):
    async def search(self, query: str, *, k: int) -> Sequence[WebPage]:
        """The first `k` pages that the operator's search engine finds. Raises RetrievalUnavailable."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnPicture:
    """`revised` are the words it was drawn from, where whoever drew it put others in the place of those asked for."""

    content: bytes
    media_type: str
    width: int
    height: int
    revised: str = ""


class ImageMaker(Protocol):
    async def draw(self, description: str) -> DrawnPicture:
        """Raises PictureFailed, of a kind that says why. Cancelling it ends the request."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPicture:
    """A picture that can be shown, by its id, and the room it takes, in pixels."""

    id: str
    width: int
    height: int


class Album(Protocol):
    """Where the picture of one answer is kept, whichever worker writes that."""

    async def kept(self, description: str) -> KeptPicture | None:
        """What was drawn from these words by an earlier attempt."""
        ...

    async def pay(self) -> None:
        """Before one is drawn. Raises NoRoomForPicture or TooManyPictures if none may be, and PictureFailed if the
        answer is not this worker's any more."""
        ...

    async def give_back(self) -> None:
        """None was drawn."""
        ...

    async def keep(self, description: str, picture: DrawnPicture) -> KeptPicture:
        """Raises PictureFailed if the answer is not this worker's any more."""
        ...

    async def withheld(self, verdict: Verdict) -> None:
        """A picture was drawn from words that the guard blocks: nobody sees it, and the staff should look."""
        ...


class MemoryKeeper(Protocol):
    async def remember(self, text: str) -> str | None:
        """Keep `text` about the person. The id of what is kept, or None if it was known or there is no room."""
        ...


class Tokens(Protocol):
    def __call__(self, text: str) -> int:
        """About how many tokens `text` takes in a prompt; never fewer than it really takes."""
        ...
