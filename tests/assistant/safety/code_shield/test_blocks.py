"""What counts as code in an answer is what is shown as code."""

import pytest

from assistant.safety.code_shield.blocks import CodeBlock, code_blocks


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```python\nx = 1\n```", [("python", "x = 1\n", 2)]),
        ("~~~ JS\nx\n~~~", [("js", "x\n", 2)]),
        ("Text\n\n```py\nx\n", [("py", "x\n", 4)]),  # unclosed, as when the model stopped
        ("```py\nx\n``` y\n", [("py", "x\n``` y\n", 2)]),  # that closes nothing
        ("- a\n\n  ```c\n  gets(b);\n  ```\n", [("c", "gets(b);\n", 4)]),
        ("> ```c\n> gets(b);\n> ```\n", [("c", "gets(b);\n", 2)]),
        ("1. one\n   - two\n     ~~~rust\n     f()\n     ~~~", [("rust", "f()\n", 4)]),
        ("Text\n\n    import os\n    x\n", [("", "import os\nx\n", 3)]),
        ("````md\n# Title\n\n```python\nx\n```\n````", [("python", "x\n", 5)]),  # a whole answer in one fence
        ("````markdown\n~~~md\n```c\nx\n```\n~~~\n````", [("md", "```c\nx\n```\n", 3)]),  # but not endlessly
        ("````\n```python\nx\n```\n````", [("", "```python\nx\n```\n", 2)]),
        ("```a\nx\n```\n```b\ny\n```", [("a", "x\n", 2), ("b", "y\n", 5)]),
        ("```python\r\nx\r\ny\r\n```", [("python", "x\ny\n", 2)]),
        ("```python\n\n   \n```", []),
        ("`x` and ``` y ``` in a line", []),
        ("no code", []),
        ("", []),
    ],
)
def test_code_blocks(text: str, expected: list[tuple[str, str, int]]):
    """With the tag at the fence and the line on which the code begins."""
    assert code_blocks(text) == [CodeBlock(*block) for block in expected]
