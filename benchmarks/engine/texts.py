"""What the bundled model is asked to measure prompt lookup: to repeat what it is given, and to talk freely."""

_LETTER = """Dear neighbours, the water in our house will be switched off on Tuesday from nine in the morning until
two in the afternoon, because the pipes in the cellar are being replaced. Please keep some water ready, and do not use
the washing machine during that time. If you have any questions, you can reach me in the evening on the third floor.
Thank you for your patience, and kind regards from the house committee."""

_CODE = """def average(values):
    total = 0
    for value in values:
        total = total + value
    return total / len(values)

def largest(values):
    result = values[0]
    for value in values:
        if value > result:
            result = value
    return result"""

REWRITE = (
    f"Repeat this text word for word:\n\n{_LETTER}",
    f"Write this code again exactly as it is:\n\n{_CODE}",
    f"Correct the spelling of this text and give it back:\n\n{_LETTER}",
)

FREE_TEXT = (
    "Why is the sky blue?",
    "Tell me a story about a fox who could not sleep.",
    "What should I think about before I move to another city?",
)
