import pytest

from benchmarks.guard.languages import translations
from inference.encoders.language import UNKNOWN, language_of
from inference.encoders.tokens import Tokens
from tests.inference.encoders.conftest import TOKENIZER


@pytest.fixture(scope="module")
def tokens() -> Tokens:
    return Tokens(TOKENIZER, 128)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How do I bake bread?", "en"),
        ("photosynthesis", "en"),
        ("", "en"),
        ("12 + 30 = ?", "en"),
        ("def f(x1, y2): return x1 + y2", "en"),
        ("- 2 eggs, plus 1 egg, plus 1 cup milk\n- 3 cups milk powder", "en"),
        ("Wie kann ich mein Fahrrad reparieren?", "de"),
        ("¿Cómo puedo hacer pan en casa?", "es"),
        ("Comment est-ce que je peux réparer mon vélo ?", "fr"),
        ("Come posso riparare la mia bicicletta?", "it"),
        ("Как испечь хлеб?", "ru"),
        ("如何在家做面包", "zh"),
        ("パンの作り方を教えて", "ja"),
        ("빵을 만드는 방법", "ko"),
        ("كيف أصنع الخبز", "ar"),
        ("xqzt wkrp bvnm ghjk", UNKNOWN),
    ],
)
def test_a_language_is_told_by_its_script_and_its_little_words(text: str, language: str, tokens: Tokens):
    """Short texts, numbers and code count as English: nothing speaks against it."""
    assert language_of(text, tokens.knows) == language


@pytest.mark.parametrize("code", ["ar", "de", "es", "fr", "it", "nl", "pl", "pt", "ru", "tr", "vi"])
def test_other_languages_are_seldom_taken_for_english(code: str, tokens: Tokens):
    """On sentences nobody wrote for this test: those that Django ships."""
    texts = translations(code)
    assert len(texts) > 100
    assert sum(language_of(text, tokens.knows) == "en" for text in texts) < 0.1 * len(texts)


def test_only_the_beginning_of_a_long_text_is_looked_at(tokens: Tokens):
    """A pasted book must not keep the server busy."""
    assert language_of("the bread is good " * 5000 + "и хлеб " * 5000, tokens.knows) == "en"
