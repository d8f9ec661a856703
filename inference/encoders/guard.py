"""The classifier behind the embedded guard: scores what people ask and what the model answers, by kind of harm.

    text ──▶ stretches of 480 characters ──▶ fine-tuned MiniLM (reads the context too) ──┐
                                        ├──▶ hashed words ───────────────────────────────┼─▶ logits ─▶ scores
                                        └──▶ offensive words ────────────────────────────┘
    text ──▶ language

What it catches and what it misses stands in guard_model_card.md. It is trained by
`python -m inference.encoders.train_guard`, and is not Llama Guard.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
import onnxruntime

from inference.encoders.language import language_of
from inference.encoders.minilm import session_options
from inference.encoders.tokens import Tokens, batches_by_length, padded
from inference.encoders.word_features import HashedWords, OffensiveWords

Array = npt.NDArray[np.float32]
Probabilities = npt.NDArray[np.float64]

SHIPPED = Path(__file__).with_name("data") / "guard.npz"

MAX_TOKENS = 192
MAX_CONTEXT_CHARS = 240
MAX_BATCH = 8
WINDOW_CHARS = 480
WINDOW_STEP = 360

ADVICE = "specialized_advice"
"""Asked for all day and not unsafe, so scored apart from the other categories."""

JAILBREAK = "prompt_injection"

Role = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardScores:
    """What the guard says of one text. Scores are in [0, 1]; 0.5 is the operating point chosen in training.

    `categories` has "unsafe" for the whole beside the slugs, and for prompts "prompt_injection": whether they try to
    switch the model's rules off, which alone is not unsafe. Where `language_known` is false the scores say little.
    """

    categories: dict[str, float]
    language: str
    language_known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How the parts are joined into the three logits that decide: unsafe prompt, unsafe answer, jailbreak.

    Each [3] but `category_bias` [2, C], which is for prompts and answers. Offensive words count between the logits
    `offensive_from` and `offensive_to`: a text without any is judged by its meaning alone, and a curse is no proof.
    `per_stretch` is taken off for each natural logarithm of the number of stretches: one of many is bad by chance.
    `third` is how far the worst stretch gives way to the third worst: somebody who talks a model out of its rules goes
    on for longer than chance does.
    """

    network: Array
    words: Array
    offensive: Array
    offensive_from: Array
    offensive_to: Array
    per_stretch: Array
    third: Array
    bias: Array
    category_bias: Array

    def joined(self, network: Array, words: Array, offensive: Array) -> Array:
        """Logits [N, 3] of the network and of the words, [N] of the offensive words -> [N, 3]."""
        beyond = np.clip(offensive[:, None], self.offensive_from, self.offensive_to) - self.offensive_from
        return np.asarray(network * self.network + words * self.words + beyond * self.offensive + self.bias)

    def worst(self, joined: Array, starts: npt.NDArray[np.int64]) -> Array:
        """Logits [S, 3] of stretches, those of a text from `starts` [N] on -> of the texts [N, 3]."""
        lengths = np.diff([*starts, len(joined)])
        worst = np.maximum.reduceat(joined, starts)
        third = np.stack([np.sort(of, axis=0)[-min(3, len(of))] for of in np.split(joined, starts[1:])])
        worst += self.third * (third - worst) - self.per_stretch * np.log(lengths)[:, None]
        return np.asarray(worst, dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything of a guard but its network."""

    model_id: str
    categories: tuple[str, ...]
    calibration: Calibration
    words: HashedWords
    offensive: OffensiveWords


def windows(text: str) -> list[str]:
    """`text` in overlapping stretches of about 100 tokens, so that no sentence is lost in the mean of a long text."""
    starts = range(0, max(len(text) - (WINDOW_CHARS - WINDOW_STEP), 1), WINDOW_STEP)
    return [text[start : start + WINDOW_CHARS] for start in starts]


class GuardClassifier:
    """Scores texts. Safe to call from several threads at once; each call uses at most `num_threads` cores."""

    def __init__(self, parts: Parts, network_path: Path, tokens: Tokens, num_threads: int) -> None:
        self.model_id = parts.model_id
        self.categories = parts.categories
        self._parts = parts
        self._tokens = tokens
        self._session = onnxruntime.InferenceSession(
            str(network_path), sess_options=session_options(num_threads), providers=["CPUExecutionProvider"]
        )

    @classmethod
    def load(cls, path: Path, tokenizer_path: Path, num_threads: int) -> Self:
        """Read what `save` wrote and the network beside it, an .onnx of the same name.

        Raises FileNotFoundError naming the file that is not there, and ValueError for another kind of file.
        """
        network_path = path.with_suffix(".onnx")
        for needed in (path, network_path):
            if not needed.is_file():
                raise FileNotFoundError(needed)
        return cls(read(path), network_path, Tokens(tokenizer_path, MAX_TOKENS), num_threads)

    def score(self, texts: Sequence[str], *, role: Role, context: str = "") -> list[GuardScores]:
        """The scores of each text. `context` is what was said before: for an answer the user turn it answers, for a
        user's text the turns before it. A long text has the scores of its worst stretch.
        """
        if not texts:
            return []
        stretches = [windows(text) for text in texts]
        starts = np.cumsum([0, *(len(of) for of in stretches[:-1])])
        flat = [stretch for of in stretches for stretch in of]
        network = self.network_logits([(stretch, context) for stretch in flat])
        worst, likely = self._joined(network, flat, starts), self._category_logits(network, starts, role)
        rows = zip(texts, _sigmoid(worst), _sigmoid(likely), strict=True)
        return [self._scores(text, decided, categories, role) for text, decided, categories in rows]

    def network_logits(self, pairs: Sequence[tuple[str, str]]) -> Array:
        """What the network alone says of short texts, each with its context: [N, 2 + 2C + 1]."""
        logits = np.empty((len(pairs), 2 * (1 + len(self.categories)) + 1), dtype=np.float32)
        encodings = self._tokens.encode([(text, context[-MAX_CONTEXT_CHARS:]) for text, context in pairs])
        for rows in batches_by_length(encodings, MAX_BATCH):
            ids, mask, types = padded([encodings[row] for row in rows])
            feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
            (logits[rows],) = self._session.run(["logits"], feeds)
        return logits

    def _joined(self, network: Array, stretches: Sequence[str], starts: npt.NDArray[np.int64]) -> Array:
        """The logits that decide [N, 3]: unsafe as a prompt, unsafe as an answer, jailbreak."""
        parts, num_per_role = self._parts, 1 + len(self.categories)
        deciding = network[:, [0, num_per_role, 2 * num_per_role]]
        words, offensive = parts.words.logits(stretches), parts.offensive.logits(stretches)
        return parts.calibration.worst(parts.calibration.joined(deciding, words, offensive), starts)

    def _category_logits(self, network: Array, starts: npt.NDArray[np.int64], role: Role) -> Array:
        """[N, C], each of the stretch in which it is likeliest."""
        row = 0 if role == "user" else 1
        first = 1 + row * (1 + len(self.categories))
        categories = network[:, first : first + len(self.categories)]
        return np.asarray(np.maximum.reduceat(categories, starts) + self._parts.calibration.category_bias[row])

    def _scores(self, text: str, decided: Probabilities, likely: Probabilities, role: Role) -> GuardScores:
        categories = self._named(float(decided[0 if role == "user" else 1]), likely)
        if role == "user":
            categories[JAILBREAK] = float(decided[2])
        language = language_of(text, self._tokens.knows)
        return GuardScores(categories=categories, language=language, language_known=language == "en")

    def _named(self, unsafe: float, categories: Probabilities) -> dict[str, float]:
        """The likeliest category has the overall score, and no other more than that.

        One output decides, because only whether a text is harmful is known for every text it learned from.
        """
        likely = dict(zip(self.categories, categories.tolist(), strict=True))
        advice = likely.pop(ADVICE)
        likeliest = max(likely, key=likely.__getitem__)
        capped = {slug: unsafe if slug == likeliest else min(unsafe, score) for slug, score in likely.items()}
        return {"unsafe": unsafe, **capped, ADVICE: advice}


def save(path: Path, parts: Parts) -> None:
    """Write everything but the network, without pickle; large arrays in half precision."""
    arrays = {
        "model_id": np.array(parts.model_id),
        "categories": np.array(parts.categories),
        "words.weight": parts.words.weight.astype(np.float16),
        "words.bias": parts.words.bias,
        "offensive.terms": np.frombuffer("\n".join(parts.offensive.terms).encode(), dtype=np.uint8),
        "offensive.inverse_frequency": parts.offensive.inverse_frequency.astype(np.float16),
        "offensive.weight": parts.offensive.weight.astype(np.float16),
        "offensive.bias": np.array(parts.offensive.bias, dtype=np.float32),
        **{f"calibration.{f.name}": getattr(parts.calibration, f.name) for f in fields(Calibration)},
    }
    np.savez_compressed(path, **arrays)


def read(path: Path) -> Parts:
    """What `save` wrote. Raises ValueError for another kind of file."""
    with np.load(path, allow_pickle=False) as file:
        if "calibration.network" not in file:
            raise ValueError(f"{path} holds no guard")
        return Parts(
            model_id=str(file["model_id"]),
            categories=tuple(str(slug) for slug in file["categories"]),
            calibration=Calibration(**{f.name: file[f"calibration.{f.name}"] for f in fields(Calibration)}),
            words=HashedWords(file["words.weight"].astype(np.float32), file["words.bias"]),
            offensive=OffensiveWords.from_arrays(
                file["offensive.terms"].tobytes().decode(),
                file["offensive.inverse_frequency"].astype(np.float32),
                file["offensive.weight"].astype(np.float32),
                float(file["offensive.bias"]),
            ),
        )


def _sigmoid(logits: Array) -> Probabilities:
    return np.asarray(1.0 / (1.0 + np.exp(-logits.astype(np.float64))))
