"""A guard that is there, trained on with texts that were written since: where it was wrong, and little else.

It needs no GPU. What comes of it is weighed against what it came from, as their weights may be mixed at will
(Wortsman et al. 2022, arXiv:2109.01903): the calibrating half of the dev split decides.
"""

import copy
from collections.abc import Callable, Sequence

import torch

from inference.encoders.guard_training.example import Example
from inference.encoders.guard_training.fit import REFINING, fit, predict
from inference.encoders.guard_training.measure import Unseen
from inference.encoders.guard_training.network import GuardNetwork
from inference.encoders.tokens import Tokens

SHARES = (0.0, 0.5, 0.75, 1.0)
"""Of the new weights in the mix."""


def refined(
    network: GuardNetwork,
    texts: Sequence[Example],
    stretches: Sequence[Example],
    unseen: Unseen,
    tokens: Tokens,
    log: Callable[[str], None] = print,
) -> GuardNetwork:
    """The best mix of `network` and of what it becomes with `texts`, by `unseen`, whose texts are `stretches`."""
    before = copy.deepcopy(network)
    after = fit(texts, tokens, network, REFINING)
    mixes = [mix(before, after, share) for share in SHARES]
    choices = []
    for share, mixture in zip(SHARES, mixes, strict=True):
        measured = unseen.measured(predict(mixture, stretches, tokens))
        log(f"{share:4.2f} new  {measured.line()}")
        choices.append(measured.choice)
    return mixes[choices.index(max(choices))]


@torch.no_grad()
def mix(before: GuardNetwork, after: GuardNetwork, share: float) -> GuardNetwork:
    """A network whose weights lie between those of both, `share` of the way."""
    mixture = copy.deepcopy(before).eval()
    for own, new in zip(mixture.parameters(), after.parameters(), strict=True):
        own.lerp_(new, share)
    return mixture
