"""A server whose model is shared among two processes: the same text, and both live and die together."""

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
import torch
from openai import APIError, OpenAI

from inference.config import EngineConfig
from inference.engine.load import load_decoder, load_engine
from inference.engine.request import GenerationRequest, Piece, SamplingParams
from inference.model.all_logits import all_logits
from inference.model.llama import load_model
from inference.weights.open import open_checkpoint
from tests.inference.checkpoints import make_tiny_llama, write_hf
from tests.inference.server.conftest import RunningServer, start_server
from tests.inference.speculation.heads import HeadSizes, random_tensors, write_head

PROMPTS = ("Two ranks, one answer.", "And another one.")
NUM_TOKENS = 40
ROUNDING = 1e-4
"""Two ranks sum up their parts in another order than one."""
GONE_S = 10.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tiny = make_tiny_llama(is_scaled=False, num_layers=3)
    return write_hf(tmp_path_factory.mktemp("shared") / "tiny", tiny)


@pytest.fixture
def loading(folder: Path, tmp_path: Path) -> Iterator[RunningServer]:
    """Two ranks, with an EAGLE-3 head beside rank 0; whatever a test leaves of them is killed."""
    head = write_head(tmp_path / "head", HeadSizes(), random_tensors(HeadSizes()))
    drafts = ("--drafts", "eagle", "--draft-model", str(head))
    options = ("--dtype", "float32", "--max-context", "512", "--kv-gib", "0.01", "--log-format", "json")
    running = start_server(tmp_path / "server.log", "--model", str(folder), "--tensor-parallel", "2", *options, *drafts)
    yield running
    running.process.kill()
    running.process.wait()


@pytest.fixture
def server(loading: RunningServer) -> RunningServer:
    """The same, when they are ready."""
    loading.wait_until_ready()
    return loading


def follower_of(server: RunningServer) -> psutil.Process:
    """The process of rank 1."""
    (child,) = psutil.Process(server.process.pid).children(recursive=True)
    return child


def text_of_one_process(folder: Path, prompt: str) -> str:
    checkpoint = open_checkpoint(str(folder))
    config = EngineConfig(dtype="float32", num_threads=1, max_context=512, kv_bytes=10 << 20, drafts="off")
    engine = load_engine(checkpoint, config, load_decoder(checkpoint, config))
    prompt_ids = (*checkpoint.chat_format.bos_ids, *checkpoint.tokenizer.encode(prompt))
    sampling = SamplingParams(temperature=0, ignore_eos=True)
    engine.add_request(
        GenerationRequest(request_id="0", prompt_ids=prompt_ids, max_tokens=NUM_TOKENS, sampling=sampling)
    )
    pieces = []
    while engine.has_work:
        pieces += [event.text for event in engine.step() if isinstance(event, Piece)]
    return "".join(pieces)


def logprobs_by(client: OpenAI, prompt: str) -> list[float]:
    """How likely each token of the prompt is but the first; nothing is generated."""
    scored = client.completions.create(model="", prompt=prompt, max_tokens=0, echo=True, logprobs=0)
    assert scored.choices[0].logprobs and scored.choices[0].logprobs.token_logprobs
    return scored.choices[0].logprobs.token_logprobs[1:]


def logprobs_of_one_process(folder: Path, prompt: str) -> list[float]:
    checkpoint = open_checkpoint(str(folder))
    prompt_ids = [*checkpoint.chat_format.bos_ids, *checkpoint.tokenizer.encode(prompt)]
    logits = all_logits(load_model(checkpoint, dtype="float32", max_context=512), prompt_ids)[:-1]
    return logits.log_softmax(1).gather(1, torch.tensor(prompt_ids[1:])[:, None])[:, 0].tolist()


def test_two_ranks_answer_as_one_process_and_leave_nothing(folder: Path, server: RunningServer) -> None:
    """The official client sees no difference, and after SIGTERM no process is left."""
    follower = follower_of(server)
    with OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
        for prompt in PROMPTS:
            answer = client.completions.create(
                model="", prompt=prompt, max_tokens=NUM_TOKENS, temperature=0, extra_body={"ignore_eos": True}
            )
            assert answer.choices[0].text == text_of_one_process(folder, prompt)
            assert answer.usage and answer.usage.completion_tokens == NUM_TOKENS
            assert logprobs_by(client, prompt) == pytest.approx(logprobs_of_one_process(folder, prompt), abs=ROUNDING)
    drafted = re.search(r"^spec_decode_num_draft_tokens_total (\S+)", httpx.get(f"{server.url}/metrics").text, re.M)
    assert drafted and float(drafted[1]) > 0, "the head was never asked, so nothing was shown of it"
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=GONE_S) == 0
    follower.wait(timeout=GONE_S)
    log = server.log.read_text()
    assert "rank_lost" not in log and "Traceback" not in log, log


def test_a_server_may_be_stopped_while_its_ranks_load(loading: RunningServer) -> None:
    """Nobody is told anything yet, and nobody is waited for."""
    while "rank_started" not in loading.log.read_text():
        assert loading.process.poll() is None
        time.sleep(0.02)
    follower = follower_of(loading)
    assert loading.stop() == 0
    follower.wait(timeout=GONE_S)
    assert "Traceback" not in loading.log.read_text()


def test_a_rank_that_dies_takes_the_server_along(server: RunningServer) -> None:
    """Nobody waits for a part that will never come: the log says which rank it was, and the status is not 0."""
    follower = follower_of(server)
    with OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
        stream = client.completions.create(
            model="", prompt="Hi", max_tokens=450, stream=True, extra_body={"ignore_eos": True}
        )
        next(iter(stream))
        started = time.monotonic()
        follower.kill()
        with pytest.raises(APIError):
            list(stream)
    assert server.process.wait(timeout=GONE_S) == 4
    assert time.monotonic() - started < GONE_S
    events = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    (lost,) = [event for event in events if event["event"] == "rank_lost"]
    assert (lost["level"], lost["rank"], lost["pid"], lost["status"]) == ("error", 1, follower.pid, -signal.SIGKILL)


def test_ranks_do_not_outlive_the_server(server: RunningServer) -> None:
    """Signals to the whole group, as from a terminal, are left to rank 0; but nobody serves when it has been killed."""
    follower = follower_of(server)
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(follower.pid, number)
    with pytest.raises(psutil.TimeoutExpired):
        follower.wait(timeout=0.2)
    server.process.kill()
    follower.wait(timeout=GONE_S)
