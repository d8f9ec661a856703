"""Titles by rules, and what is made of a model's."""

import time

import pytest

from assistant.titles import MAX_WORDS, read_title, title_from


@pytest.mark.parametrize(
    ("message", "title"),
    [
        ("Hi! Can you please help me plan a calm and productive week?", "Plan a Calm and Productive Week"),
        ("Explain how rainbows form, in simple words.", "Explain How Rainbows Form"),
        ("Write a short story about a lost llama in the Andes.", "Short Story About a Lost Llama"),
        ("What is the difference between TCP and UDP?", "Difference Between TCP and UDP"),
        ("what's the capital of France", "Capital of France"),
        ("How do I center a div in CSS?\n\n```html\n<div>\n```", "How Do I Center a Div in CSS"),
        ("Give me three tips for a good night's sleep", "Three Tips for a Good Night's Sleep"),
        ("My dog died yesterday and I do not know what to do", "My Dog Died Yesterday"),
        ("Kannst du mir bitte erklären, wie Regenbögen entstehen?", "Erklären, wie Regenbögen entstehen"),
        ("¿Cómo hago una tortilla?", "Cómo hago una tortilla"),
        ("¿Qué es la energía solar?", "Energía solar"),
        ("ما هي عاصمة فرنسا؟", "ما هي عاصمة فرنسا"),
        ("12*7", "12*7"),
        ("hi", ""),
        ("```\nx\n```", ""),
    ],
)
def test_a_title_says_what_the_message_is_about(message: str, title: str) -> None:
    assert title_from(message) == title
    assert len(title.split()) <= MAX_WORDS


@pytest.mark.parametrize(
    ("reply", "title"),
    [
        ('{"title": "\\"Warm Wool.\\""}', "Warm Wool"),
        ('{"title": "a\\nb"}', "a b"),
        ("nonsense", ""),
        ('{"title": 3}', ""),
    ],
)
def test_a_models_title_is_one_line(reply: str, title: str) -> None:
    assert read_title(reply) == title


def test_a_long_message_takes_no_time() -> None:
    """The title is in its beginning, and what follows may be anything."""
    begun = time.process_time()
    assert title_from("!" * 100_000 + "x") == ""
    assert time.process_time() - begun < 0.5
