"""Two ways to get n responses to a prompt: vLLM in this process, or an OpenAI-compatible endpoint."""

import os
import sys
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any, cast

from dqo_verl.errors import UserError
from dqo_verl.evaluation.endpoint import asking, client
from dqo_verl.evaluation.rows import prompt_text
from dqo_verl.evaluation.sample.options import Sampling
from dqo_verl.evaluation.sample.prompts import Prompt

# Concurrent requests to an endpoint.
CONCURRENCY = 16


@dataclass(frozen=True)
class Sampled:
    """The responses to one prompt, their lengths in tokens (-1: not reported) and which ones ran into max_tokens."""

    responses: list[str]
    tokens: list[int]
    cut: list[bool]


Job = tuple[Prompt, float]


def job_seed(job: Job, seed: int) -> int:
    """A separate seed for every prompt and temperature; vLLM adds 0..n-1 to it within a group."""
    return zlib.crc32(f"{seed}/{job[1]}/{job[0].prompt_id}".encode()) & 0x7FFFFFFF


class VllmEngine:
    """vLLM in process (GPU or CPU build). `engine` holds extra arguments of `vllm.LLM`."""

    def __init__(self, model: str, engine: dict[str, Any]) -> None:
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
        from vllm import LLM
        from vllm.platforms import current_platform

        # vLLM's CPU engine crashes when a prompt with a seed is prefilled in chunks: "CPU Generator does not use offset".
        whole = {"enable_chunked_prefill": False} if current_platform.is_cpu() else {}
        self.llm = LLM(model=model, **whole | engine)
        self.plain = getattr(self.llm.get_tokenizer(), "chat_template", None) is None
        if self.plain:
            print(f"{model} has no chat template: the prompts are used as they are", file=sys.stderr)
        self.block = 64

    def run(self, jobs: Sequence[Job], sampling: Sampling) -> Iterator[tuple[Job, Sampled]]:
        """Sample in blocks of prompts, so finished prompts are on disk before all are done."""
        from vllm import SamplingParams

        for start in range(0, len(jobs), self.block):
            block = jobs[start : start + self.block]
            params = [
                SamplingParams(
                    n=sampling.n,
                    temperature=job[1],
                    top_p=sampling.top_p,
                    min_p=sampling.min_p,
                    max_tokens=sampling.max_tokens,
                    seed=job_seed(job, sampling.seed),
                )
                for job in block
            ]
            if self.plain:
                answers = self.llm.generate([prompt_text(job[0].messages) for job in block], params, use_tqdm=False)
            else:
                answers = self.llm.chat(
                    cast(Any, [job[0].messages for job in block]),
                    params,
                    use_tqdm=False,
                    chat_template_kwargs=sampling.chat_template_kwargs,
                )
            for job, answer in zip(block, answers, strict=True):
                outputs = answer.outputs
                yield (
                    job,
                    Sampled(
                        [output.text for output in outputs],
                        [len(output.token_ids) for output in outputs],
                        [output.finish_reason == "length" for output in outputs],
                    ),
                )


class EndpointEngine:
    """Chat completions of an OpenAI-compatible server, several requests at once."""

    def __init__(self, model: str, endpoint: str) -> None:
        self.model, self.endpoint = model, endpoint
        self.api = client(endpoint)

    def run(self, jobs: Sequence[Job], sampling: Sampling) -> Iterator[tuple[Job, Sampled]]:
        with ThreadPoolExecutor(CONCURRENCY) as pool:
            waiting = {pool.submit(self._one, job, sampling): job for job in jobs}
            try:
                for future in as_completed(waiting):
                    with asking(self.endpoint):
                        sampled = future.result()
                    yield waiting[future], sampled
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _one(self, job: Job, sampling: Sampling) -> Sampled:
        """A server may return fewer choices than asked for (some always return one): ask again for the rest."""
        choices: list[Any] = []
        tokens: list[int] = []
        extra: dict[str, Any] = {"min_p": sampling.min_p} if sampling.min_p else {}
        if sampling.chat_template_kwargs:
            extra["chat_template_kwargs"] = sampling.chat_template_kwargs
        while len(choices) < sampling.n:
            reply = self.api.chat.completions.create(
                model=self.model,
                messages=job[0].messages,
                n=sampling.n - len(choices),
                temperature=job[1],
                top_p=sampling.top_p,
                max_completion_tokens=sampling.max_tokens,
                seed=job_seed(job, sampling.seed) + len(choices),
                extra_body=extra,
            )
            if not reply.choices:
                raise UserError(f"{self.endpoint} returned no choices for prompt {job[0].prompt_id}")
            choices += reply.choices
            tokens += (
                [reply.usage.completion_tokens]
                if reply.usage and len(reply.choices) == 1
                else [-1] * len(reply.choices)
            )
        return Sampled(
            [choice.message.content or "" for choice in choices],
            tokens,
            [choice.finish_reason == "length" for choice in choices],
        )
