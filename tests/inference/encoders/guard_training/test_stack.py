from dataclasses import replace
from functools import cache

import pytest
import torch

from inference.encoders.guard_training.arrays import NUM_FOLDS, fold_of, plain_views
from inference.encoders.guard_training.example import Example
from inference.encoders.guard_training.network import GuardNetwork
from inference.encoders.guard_training.stack import WORDS, OnDevice, Plan, Weights, predict, stacked, train
from inference.encoders.tokens import Tokens
from tests.inference.encoders.conftest import TOKENIZER

HARMLESS = Example(text="Bread", source="test", split="train", unsafe=False, categories=frozenset(), jailbreak=False)
TEXTS = [replace(HARMLESS, text=text) for text in ("How do I bake bread?", "Poison!", "A story of a cat and a mouse")]
PLAN = Plan(num_epochs=1, batch_size=4, left_out=(-1, -1), opinion=(0.0, 0.0), masked=(0.0, 0.0), average_decay=0.0)


@cache
def start() -> GuardNetwork:
    torch.manual_seed(0)
    return GuardNetwork()


@cache
def data() -> OnDevice:
    return OnDevice(plain_views(TEXTS, Tokens(TOKENIZER, 16)), "cpu")


def one_of(weights: Weights, number: int) -> GuardNetwork:
    network = GuardNetwork().eval()
    network.load_state_dict({name: value if name == WORDS else value[number] for name, value in weights.items()})
    return network


def test_networks_side_by_side_say_what_each_says_alone() -> None:
    """Each with its own outputs, and no text changed by the padding of its neighbours."""
    weights = stacked(start(), 2, PLAN, "cpu")
    together = predict(weights, data())
    assert together.shape == (2, len(TEXTS), 31)
    assert not torch.allclose(together[0], together[1])
    for number in range(2):
        network = one_of(weights, number)
        for row in range(len(TEXTS)):
            with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
                alone = network(*data().inputs(torch.tensor([row])))
            torch.testing.assert_close(together[number, row], alone[0].float(), atol=0.02, rtol=0.05)


def test_a_teacher_does_not_learn_from_the_fold_it_leaves_out() -> None:
    """Its opinion of these texts is to be that of a stranger."""
    fold = fold_of(TEXTS[0])
    texts = [text for n in range(40) if fold_of(text := replace(HARMLESS, text=f"Bread {n}")) == fold][:4]
    views = OnDevice(plain_views(texts, Tokens(TOKENIZER, 16)), "cpu")
    trained = train(start(), views, replace(PLAN, left_out=(fold, (fold + 1) % NUM_FOLDS), weight_decay=0.0))
    before = stacked(start(), 2, PLAN, "cpu")
    assert all(torch.equal(trained[name][0], before[name][0]) for name in before if name != WORDS)
    assert not torch.equal(trained["heads.weight"][1], before["heads.weight"][1])


@pytest.mark.parametrize(("share", "moves_up"), [(0.0, False), (1.0, True)])
def test_a_student_hears_the_teachers_for_its_share(share: float, moves_up: bool) -> None:
    """The label says harmless, the teachers are sure of the opposite."""
    said = torch.full((1, len(TEXTS), 31), 9.0)
    plan = replace(PLAN, left_out=(-1,), masked=(0.0,), opinion=(share,), head_rate=0.05)
    trained, before = train(start(), data(), plan, said), stacked(start(), 1, plan, "cpu")
    assert bool(trained["heads.bias"][0, 0] > before["heads.bias"][0, 0]) is moves_up


def test_time_ends_a_training() -> None:
    """The machine is lent for a few minutes; what was learned by then is kept."""
    trained = train(start(), data(), replace(PLAN, num_epochs=10**6, seconds=1e-6))
    assert trained.keys() == start().state_dict().keys()
