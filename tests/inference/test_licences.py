import pytest

from inference.licences import LLAMA3_LICENCE, LLAMA3_NOTICE, licence_and_notice


@pytest.mark.parametrize(
    ("name", "stated"),
    [
        ("meta-llama/Meta-Llama-3-70B-Instruct", ""),
        ("Llama-3.2-1B-Instruct-Q8_0", ""),
        ("llama3:8b", ""),
        ("Llama-Guard-3-8B", ""),
        ("my-own-finetune", "llama3"),
    ],
)
def test_llama_3_is_named_as_its_licence_asks(name: str, stated: str) -> None:
    """Also where another server runs it and tells nothing but its id."""
    assert licence_and_notice(name, stated) == (LLAMA3_LICENCE, LLAMA3_NOTICE)


@pytest.mark.parametrize(
    ("name", "stated", "licence"),
    [
        ("SmolLM2-135M-Instruct", "", "Apache-2.0"),
        ("some-model", "apache-2.0", "Apache-2.0"),
        ("some-model", "mit", "MIT"),
        ("some-model", "a licence of our own", "a licence of our own"),
        ("some-model", "", "unknown"),
        ("llama-2-7b", "", "unknown"),
    ],
)
def test_others_get_no_notice(name: str, stated: str, licence: str) -> None:
    """An unknown licence is not guessed."""
    assert licence_and_notice(name, stated) == (licence, "")
