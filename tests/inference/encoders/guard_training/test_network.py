from dataclasses import replace

import numpy as np
import torch

from inference.encoders.guard_training.example import Example
from inference.encoders.guard_training.fit import TrainingConfig, fit, predict
from inference.encoders.guard_training.fit_words import WordsConfig, fit_words
from inference.encoders.guard_training.labels import labels_of
from inference.encoders.guard_training.network import GuardNetwork, pretrained
from inference.encoders.guard_training.refine import mix
from inference.encoders.minilm import SentenceEncoder
from inference.encoders.tokens import Tokens, padded
from tests.inference.encoders.conftest import TOKENIZER

WEIGHTS = TOKENIZER.with_name("model.safetensors")
TEXTS = ("How do I bake rye bread?", "A much longer sentence about the weather in the mountains, and the sea.")


def inputs(*pairs: tuple[str, str]) -> list[torch.Tensor]:
    return [torch.from_numpy(part) for part in padded(Tokens(TOKENIZER, 128).encode(pairs))]


def pooled(network: GuardNetwork, *pairs: tuple[str, str]) -> np.ndarray:
    """What the outputs are computed from."""
    seen: list[torch.Tensor] = []
    hook = network.heads.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    with torch.inference_mode():
        network(*inputs(*pairs))
    hook.remove()
    return seen[0].numpy()


def test_the_network_begins_as_the_sentence_encoder(encoder: SentenceEncoder):
    """The names of the weights were all matched, and our layers compute what theirs do."""
    ours = pooled(pretrained(WEIGHTS).eval(), *((text, "") for text in TEXTS))
    ours /= np.linalg.norm(ours, axis=1, keepdims=True)
    # The encoder that serves has int8 weights, and its mean takes in the marks at both ends as ours does.
    assert (np.sum(ours * encoder.encode(TEXTS), axis=1) > 0.99).all()


def test_the_context_is_read_and_not_pooled():
    """It changes what is made of the text; padding does not."""
    network = pretrained(WEIGHTS).eval()
    alone, padded_by_other = pooled(network, (TEXTS[0], "")), pooled(network, (TEXTS[0], ""), (TEXTS[1], ""))
    np.testing.assert_allclose(alone[0], padded_by_other[0], atol=1e-4)
    in_context = pooled(network, (TEXTS[0], "I want to poison my husband."))
    assert 0.01 < np.abs(in_context - alone).max() < np.abs(alone).max()


def test_training_is_seeded():
    """The same texts make the same network again."""
    base = Example(text="", source="test", split="train", unsafe=False, categories=frozenset(), jailbreak=False)
    examples = [replace(base, text=f"{'poison' if n % 2 else 'bread'} {n}", unsafe=bool(n % 2)) for n in range(24)]
    config = TrainingConfig(num_epochs=1, batch_size=8)
    tokens = Tokens(TOKENIZER, 32)
    first, second = (predict(fit(examples, tokens, pretrained(WEIGHTS), config), examples, tokens) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_words_learn_what_they_are_shown():
    """Unknown labels (weight zero) leave an output where it was."""
    base = Example(text="", source="test", split="train", unsafe=False, categories=frozenset(), jailbreak=False)
    examples = [replace(base, text=f"good {'poison' if n % 2 else 'bread'}", unsafe=bool(n % 2)) for n in range(200)]
    labels, weights = labels_of(examples)
    chosen = [0, 15]
    words = fit_words([e.text for e in examples], labels[:, chosen], weights[:, chosen], WordsConfig(num_epochs=30))
    harmful, harmless = words.logits(["good poison", "good bread"])
    assert harmful[0] > 0 > harmless[0]
    assert harmful[1] == harmless[1] == 0


def test_what_a_network_thought_before_keeps_it_from_forgetting():
    """Of texts of others; of our own texts the label alone is learned."""
    base = Example(text="", source="test", split="train", unsafe=True, categories=frozenset(), jailbreak=False)
    tokens = Tokens(TOKENIZER, 32)
    moved = {}
    for source, opinion in (("test", 0.0), ("test", 1.0), ("contrast/test", 1.0)):
        examples = [replace(base, text=f"bread {n}", source=source) for n in range(24)]
        network = pretrained(WEIGHTS)
        before = predict(network.eval(), examples, tokens)
        config = TrainingConfig(num_epochs=4, batch_size=8, opinion=opinion)
        moved[source, opinion] = (predict(fit(examples, tokens, network, config), examples, tokens) - before)[
            :, 0
        ].mean()
    assert abs(moved["test", 1.0]) < 0.2 * moved["test", 0.0]
    assert moved["contrast/test", 1.0] > 0.5 * moved["test", 0.0]


def test_a_mix_lies_between_both_networks():
    before, after = pretrained(WEIGHTS), pretrained(WEIGHTS, seed=1)
    halfway = mix(before, after, 0.5).heads.weight
    torch.testing.assert_close(halfway, (before.heads.weight + after.heads.weight) / 2)
    torch.testing.assert_close(mix(before, after, 1.0).heads.weight, after.heads.weight)
    assert not torch.equal(before.heads.weight, after.heads.weight)
