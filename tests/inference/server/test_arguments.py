"""The command line of the server becomes the engine's settings, or a sentence."""

from collections.abc import Sequence

import pytest

from inference.server.__main__ import parse_arguments, serving_config


@pytest.mark.parametrize(
    ("arguments", "drafts", "draft_model"),
    [
        ([], "lookup", ""),
        (["--drafts", "off"], "off", ""),
        (["--draft-model", "small"], "model", "small"),
        (["--drafts", "model", "--draft-model", "small"], "model", "small"),
        (["--drafts", "eagle", "--draft-model", "head"], "eagle", "head"),
    ],
)
def test_drafts_come_from_where_they_are_wanted(arguments: Sequence[str], drafts: str, draft_model: str) -> None:
    engine = serving_config(parse_arguments(["--model", "m", *arguments])).engine
    assert (engine.drafts, engine.draft_model) == (drafts, draft_model)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--drafts", "eagle"],
        ["--drafts", "lookup", "--draft-model", "small"],
        ["--tensor-parallel", "0"],
        ["--kv-host-gib", "-1"],
        ["--kv-host-gib", "1", "--tensor-parallel", "2"],
    ],
)
def test_what_makes_no_sense_is_refused(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refusal:
        parse_arguments(["--model", "m", *arguments])
    assert refusal.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_ranks_share_the_threads() -> None:
    """Four processes with the threads of eight cores each would wait for one another."""
    engine = serving_config(parse_arguments(["--model", "m", "--tensor-parallel", "4", "--threads", "8"])).engine
    assert (engine.num_ranks, engine.num_threads) == (4, 2)


@pytest.mark.parametrize(("arguments", "num_bytes"), [([], 0), (["--kv-host-gib", "0.5"], 1 << 29)])
def test_host_memory_is_used_only_where_it_is_given(arguments: Sequence[str], num_bytes: int) -> None:
    assert serving_config(parse_arguments(["--model", "m", *arguments])).engine.kv_host_bytes == num_bytes
