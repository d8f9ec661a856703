"""Talk to a model in the terminal. A pretrained model, which knows no turns, continues what is typed."""

import argparse
import itertools
import secrets
import sys
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from inference.cli.local_model import add_model_options, close, events_of, fail, load
from inference.errors import InferenceError

if TYPE_CHECKING:
    from inference.engine.request import End, SamplingParams
    from inference.server.serving import ChatModel
    from inference.text.chat import ChatMessage

PROMPT = "> "
HELP = """\
/new           forget the conversation
/system TEXT   begin anew with this system message
/again         another answer to the last message
/help          this list
/quit          end (so does Ctrl-D); Ctrl-C stops a reply"""
# What a model writes goes to a terminal: it may not move the cursor or ring the bell.
PRINTABLE = {code: None for code in range(32) if code not in (9, 10)} | {127: None}


class Conversation:
    """Turns of one chat. The tokens of replies are kept as they were, so that their keys and values are reused."""

    def __init__(
        self, model: "ChatModel", sampling: "SamplingParams", *, max_tokens: int = 0, system: str = ""
    ) -> None:
        self._model = model
        self._sampling = sampling
        self._max_tokens = max_tokens
        self._messages: list[ChatMessage] = []
        self._numbers = itertools.count(1)
        self.last_turn = ""
        self.begin_anew(system)

    def begin_anew(self, system: str | None = None) -> None:
        """Forget all turns; keep the system message unless another one is given."""
        from inference.text.chat import ChatMessage

        kept = [message for message in self._messages if message.role == "system"]
        given = [ChatMessage(role="system", content=system)] if system else []
        self._messages = kept if system is None else given

    def take_back(self) -> str:
        """Remove the last turn and give its message; empty if there is none."""
        while self._messages and self._messages[-1].role == "assistant":
            self._messages.pop()
        return self._messages.pop().content if self._messages and self._messages[-1].role == "user" else ""

    def reply(self, text: str) -> Generator[str]:
        """The reply to `text`, piece by piece; what was said up to a stop is kept. Raises RequestRefused."""
        from inference.engine.request import End, Failure, GenerationRequest, Piece
        from inference.text.chat import ChatMessage

        said = [*self._messages, ChatMessage(role="user", content=text)]
        prompt_ids = self._prompt_ids(said)
        room = max(self._model.max_context - len(prompt_ids), 1)
        number = next(self._numbers)
        request = GenerationRequest(
            request_id=f"chat-{number}",
            prompt_ids=prompt_ids,
            max_tokens=min(self._max_tokens or room, room),
            sampling=replace(self._sampling, seed=self._sampling.seed + number),
        )
        pieces: list[Piece] = []
        is_ended = False
        started = time.monotonic()
        try:
            for event in events_of(self._model.engine, request):
                if isinstance(event, Piece):
                    pieces.append(event)
                    yield event.text
                elif isinstance(event, Failure):
                    raise InferenceError(event.message)
                elif isinstance(event, End):
                    is_ended = True
                    self.last_turn = _figures(event, time.monotonic() - started)
        finally:
            if self.is_chat and (pieces or is_ended):  # a refused message is not a turn
                token_ids = tuple(token_id for piece in pieces for token_id in piece.token_ids)
                content = "".join(piece.text for piece in pieces)
                self._messages = [*said, ChatMessage(role="assistant", content=content, token_ids=token_ids)]

    @property
    def is_chat(self) -> bool:
        """False for a pretrained model: each text stands for itself."""
        return self._model.checkpoint.chat_format.name != "none"

    def _prompt_ids(self, messages: Sequence["ChatMessage"]) -> tuple[int, ...]:
        from inference.text.chat import build_prompt

        chat_format = self._model.checkpoint.chat_format
        if self.is_chat:
            return build_prompt(chat_format, messages).ids
        return (*chat_format.bos_ids, *self._model.checkpoint.tokenizer.encode(messages[-1].content))


def _figures(end: "End", seconds: float) -> str:
    rate = end.reply_tokens / seconds if seconds else 0.0
    return (
        f"[{end.reply_tokens} tokens in {seconds:.1f} s, {rate:.1f} a second; "
        f"{end.cached_tokens} of {end.prompt_tokens} prompt tokens were cached]"
    )


def build_parser(prog: str) -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog=prog, description=__doc__, epilog=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_model_options(parser)
    talk = parser.add_argument_group("conversation")
    talk.add_argument("--system", default="", help="system message")
    talk.add_argument("--prompt", default="", help="answer this one message and end")
    talk.add_argument("--temperature", type=float, default=0.7, help="0 = always the most likely token (%(default)s)")
    talk.add_argument("--top-p", type=float, default=0.9, help="(%(default)s)")
    talk.add_argument("--max-tokens", type=int, default=0, help="of a reply (default: what the context leaves)")
    talk.add_argument("--seed", type=int, default=None, help="repeat the same replies")
    talk.add_argument("--figures", action="store_true", help="say after each reply how fast it was")
    return parser


def main(arguments: Sequence[str] | None = None, *, prog: str = "python -m inference chat") -> int:
    """Returns the exit status: 0, or 3 if the model could not be loaded."""
    options = build_parser(prog).parse_args(arguments)
    try:
        model = load(options)
    except (InferenceError, ValueError, OSError) as error:
        return fail(prog, error)
    from inference.engine.request import SamplingParams

    seed = secrets.randbits(32) if options.seed is None else options.seed
    sampling = SamplingParams(temperature=options.temperature, top_p=options.top_p, seed=seed)
    talk = Conversation(model, sampling, max_tokens=options.max_tokens, system=options.system)
    try:
        if options.prompt:
            say(talk, options.prompt, figures=options.figures)
        else:
            converse(talk, input, figures=options.figures)
    except InferenceError as error:
        return fail(prog, error)
    finally:
        close(model)
    return 0


def converse(talk: Conversation, read_line: Callable[[str], str], *, figures: bool = False) -> None:
    """Answer lines until there are no more, or /quit."""
    print("Ask something. /help lists the commands." if talk.is_chat else "A pretrained model: type a beginning.")
    while True:
        try:
            line = read_line(PROMPT).strip()
        except (EOFError, KeyboardInterrupt):
            print()
            return
        command, _, rest = line.partition(" ")
        if command == "/quit":
            return
        if command == "/help":
            print(HELP)
        elif command == "/new":
            talk.begin_anew()
        elif command == "/system":
            talk.begin_anew(rest)
        elif line:
            text = talk.take_back() if command == "/again" else line
            _say_or_explain(talk, text, figures=figures)


def _say_or_explain(talk: Conversation, text: str, *, figures: bool) -> None:
    """A message that cannot be answered (too long, say) does not end the conversation."""
    if not text:
        print("There is no message yet.")
        return
    try:
        say(talk, text, figures=figures)
    except InferenceError as error:
        print(error)


def say(talk: Conversation, text: str, *, figures: bool = False) -> None:
    """Print a reply as it comes; Ctrl-C ends it."""
    reply = talk.reply(text)
    try:
        for piece in reply:
            sys.stdout.write(piece.translate(PRINTABLE))
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.stdout.write(" ...")
    finally:
        reply.close()  # what was said until now is kept
    print()
    if figures and talk.last_turn:
        print(talk.last_turn)
