"""One token after the other, for one sequence.

What is chosen is a function of the parameters, the prompt and the reply before it, and of nothing else. So it does not
matter whether a reply was cut and is continued elsewhere, in which company it is computed, whether its sequence was
preempted, or whether a token was computed on its own or guessed ahead and verified: the reply is the same.
"""

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from inference.sampling.choice import NOT_A_NUMBER, Choice
from inference.sampling.drawing import draw
from inference.sampling.grammars import CompiledGrammar, GrammarError
from inference.sampling.logprobs import logprobs_of
from inference.sampling.params import SamplingParams
from inference.sampling.penalties import SaidTokens, add_by_token
from inference.sampling.repetition import repetition_costs

GREEDY_BELOW = 1e-5
"""A temperature so low is zero: dividing by it would leave float32's range."""


class TokenChooser:
    """Chooses the tokens of one reply, strictly in order: `choose` for a position, then `accept` what was chosen.

    Of `prompt_ids` the last `num_reply_ids` are the beginning of the reply; they are counted and put through the
    grammar here. `stop_ids` end a reply. `grammar` is `params.grammar`, compiled. Not thread-safe.

    To verify a draft, choose at the first drafted position, and go on to the next row of logits while what was chosen
    and accepted is what had been drafted. Nothing has ever to be taken back.
    """

    def __init__(
        self,
        params: SamplingParams,
        *,
        prompt_ids: Sequence[int],
        num_reply_ids: int = 0,
        stop_ids: Iterable[int],
        grammar: CompiledGrammar | None = None,
    ) -> None:
        if params.grammar is not None and grammar is None:
            raise ValueError("the grammar of these parameters has not been compiled")
        self._params = params
        self._stop_ids = tuple(sorted(stop_ids))
        self._is_greedy = params.temperature < GREEDY_BELOW
        self._is_plain = grammar is None and not _changes_logits(params)
        self._said = SaidTokens(prompt_ids[: len(prompt_ids) - num_reply_ids]) if _counts_tokens(params) else None
        self._grammar = grammar.start() if grammar else None
        self._position = 0
        self._failure = ""
        for token_id in prompt_ids[len(prompt_ids) - num_reply_ids :]:
            self.accept(token_id)

    def choose(self, logits: Tensor, *, position: int, reply_ids: Sequence[int]) -> Choice:
        """The token at `position` of the reply, whose tokens so far are `reply_ids`. Does not accept it.

        logits [V] float32 on CPU, left as they are.
        """
        assert position == len(reply_ids) == self._position
        if self._is_plain and self._is_greedy and self._params.num_logprobs is None:
            best = int(logits.argmax())
            if math.isfinite(float(logits[best])):
                return Choice(token_id=best)
        try:
            scores = self._scores(logits, reply_ids)
        except GrammarError as error:
            self._failure = f"the grammar cannot be followed: {error}"
        if self._failure:
            return Choice(token_id=self._stop_ids[0], failure=self._failure)
        token_id = self._draw(scores, position)
        wanted = self._params.num_logprobs
        logprobs = logprobs_of(scores, token_id, num_top=wanted) if wanted is not None else None
        return Choice(token_id=token_id, logprobs=logprobs)

    def accept(self, token_id: int) -> None:
        """The token at the next position is this one. A stop token ends the reply and need not be accepted."""
        self._position += 1
        if self._said:
            self._said.add(token_id)
        if self._grammar and token_id not in self._stop_ids and not self._grammar.accept(token_id):
            self._failure = "the reply so far does not fit its grammar"

    def mask_draft(self, draft_ids: Sequence[int]) -> Sequence[int]:
        """The beginning of a draft that could be accepted: up to a stop token, and as far as the grammar allows.

        Only saves work: a draft that goes further is cut by verification all the same.
        """
        end = next((at for at, token_id in enumerate(draft_ids) if token_id in self._stop_ids), len(draft_ids))
        return draft_ids[: min(end, self._grammar.num_allowed(draft_ids[:end])) if self._grammar else end]

    def _scores(self, logits: Tensor, reply_ids: Sequence[int]) -> Tensor:
        """Logits [V] after everything that says what may be said, with at least one token possible, or a failure."""
        scores = _numbers(logits)
        if not self._is_plain:
            scores = _numbers(self._processed(scores.clone(), reply_ids))
        if float(scores.max()) == -math.inf:
            self._failure = NOT_A_NUMBER
        return scores

    def _processed(self, scores: Tensor, reply_ids: Sequence[int]) -> Tensor:
        params = self._params
        if self._said:
            self._said.penalise(scores, params)
        if costs := repetition_costs(reply_ids, multiplier=params.dry_multiplier):
            add_by_token(scores, costs, factor=-1.0)
        if params.logit_bias:
            add_by_token(scores, params.logit_bias)
        if self._grammar:
            scores.masked_fill_(torch.from_numpy(~self._grammar.allowed()), -torch.inf)
        if params.ignore_eos or self._position < params.min_tokens:
            self._forbid_stops(scores)
        return scores

    def _forbid_stops(self, scores: Tensor) -> None:
        """Unless the grammar has left nothing else: a complete reply cannot go on for the sake of its length."""
        stops = torch.tensor(self._stop_ids)
        kept = scores[stops]
        scores[stops] = -torch.inf
        if float(scores.max()) == -math.inf:
            scores[stops] = kept

    def _draw(self, scores: Tensor, position: int) -> int:
        if self._is_greedy:
            return int(scores.argmax())
        return draw(scores, self._params, position=position)


def _numbers(logits: Tensor) -> Tensor:
    """Logits without NaN (impossible) and plus infinity (as large as can be). The same tensor where there are none."""
    if math.isfinite(float(logits.max())):  # a NaN anywhere would make the maximum one
        return logits
    return logits.nan_to_num(nan=-torch.inf, neginf=-torch.inf)


def _counts_tokens(params: SamplingParams) -> bool:
    return params.repetition_penalty != 1 or bool(params.presence_penalty or params.frequency_penalty)


def _changes_logits(params: SamplingParams) -> bool:
    return bool(
        _counts_tokens(params)
        or params.dry_multiplier
        or params.logit_bias
        or params.min_tokens
        or params.ignore_eos
        or params.grammar
    )
