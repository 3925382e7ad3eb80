"""Estimates the memory that a recipe needs on each GPU, from its settings and the shape of its policy. Not measured on GPUs.

the update     weights, moments and gradients in fp32, sharded over all GPUs; the unit that FSDP gathers; activations with
               checkpointing; logits, their gradient, and their softmax if the entropy is computed
generation     weights and moments, and vLLM's share of the memory, which holds its weights and its cache; models that share
               the GPU run in this phase (a reward model stays on the GPU in both)

The reference policy takes none: verl keeps it in the host's memory.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dqo_verl.doctor.shapes import Shape, billions
from dqo_verl.errors import UserError

GIGA = 1e9
REWARD_MODEL = "reward model"
# bytes per parameter: fp32 weights, both moments of AdamW, fp32 gradients; a copy in bfloat16
WEIGHTS, MOMENTS, GRADIENTS, HALF = 4, 8, 4, 2
# bytes per parameter of the gathered unit: bfloat16 weights, and fp32 gradients until they are sharded
GATHERED = HALF + GRADIENTS
# bytes per token and hidden unit within the layer that is recomputed: about 17 values of two bytes
WITHIN_LAYER = 34
# bytes per token and word: logits and their gradient in bfloat16; the softmax and its product with them
LOGITS, ENTROPY = 4, 4
# usable share of a GPU's memory; CUDA itself and fragmentation take the rest
USABLE = 0.95
# with fewer tokens per micro-batch, or a smaller share of memory for vLLM, the machine is too small
LEAST_TOKENS, LEAST_SHARE = 2048, 0.2


@dataclass(frozen=True)
class Machine:
    """`nodes` nodes with `gpus` GPUs each, of `gigabytes` GB each."""

    nodes: int
    gpus: int
    gigabytes: float

    @classmethod
    def of(cls, typed: str) -> "Machine":
        """Parse `8x80`, or `4x8x141` for four nodes with eight GPUs each."""
        found = re.fullmatch(r"(?:(\d+)x)?(\d+)x(\d+(?:\.\d+)?)", typed.lower().replace(" ", ""))
        if not found or not int(found[2]) or not int(found[1] or 1):
            raise UserError(
                f"--gpus {typed}: write GPUSxGIGABYTES, such as 8x80, or NODESxGPUSxGIGABYTES, such as 4x8x141"
            )
        return cls(int(found[1] or 1), int(found[2]), float(found[3]))


@dataclass(frozen=True)
class Needs:
    """Gigabytes on the fullest GPU in both phases, by what they are for."""

    update: dict[str, float]
    generation: dict[str, float]

    @property
    def most(self) -> float:
        return max(sum(self.update.values()), sum(self.generation.values()))


def is_on(settings: Mapping[str, str], key: str) -> bool:
    return settings.get(key, "").lower() == "true"


def has_critic(settings: Mapping[str, str]) -> bool:
    return "gae" in (settings["algorithm.adv_estimator"], settings.get("algorithm.diversity.base"))


def needs(settings: Mapping[str, str], shape: Shape, gpus: int, gigabytes: float) -> Needs:
    """Estimate the memory for a recipe's settings on `gpus` training GPUs of `gigabytes` GB each."""
    actor, tokens = "actor_rollout_ref.actor", int(settings["actor_rollout_ref.actor.ppo_max_token_len_per_gpu"])
    shared = shape.parameters / gpus / GIGA
    held = {"weights": WEIGHTS * shared, "moments of AdamW": MOMENTS * shared}
    if is_on(settings, f"{actor}.fsdp_config.optimizer_offload"):
        del held["moments of AdamW"]
    if has_critic(settings):
        held["critic with its moments"] = (WEIGHTS + MOMENTS) * shared
    update = held | {
        "gradients": GRADIENTS * shared,
        "gathered by FSDP": GATHERED * (shape.of_layer + shape.of_ends) / GIGA,
        f"activations of {tokens:,} tokens": tokens * shape.hidden * (2 * shape.layers + WITHIN_LAYER) / GIGA,
        f"logits of {tokens:,} tokens": tokens
        * shape.vocabulary
        * (LOGITS + (ENTROPY if is_on(settings, f"{actor}.calculate_entropy") else 0))
        / GIGA,
    }
    share = float(settings["actor_rollout_ref.rollout.gpu_memory_utilization"])
    generation = held | {f"vLLM, {share:.0%}": share * gigabytes}
    for name, size in beside(settings).items():
        for phase in (generation, update) if name == REWARD_MODEL else (generation,):
            phase[f"{name}, which shares the GPU"] = HALF * size / GIGA
    return Needs(update, generation)


def beside(settings: Mapping[str, str]) -> dict[str, float]:
    """Our models on the training GPUs -> number of parameters, if their names say it."""
    found = {
        "classifier": ("algorithm.diversity.placement", "algorithm.diversity.classifier"),
        REWARD_MODEL: (
            "reward.custom_reward_function.reward_kwargs.placement",
            "reward.custom_reward_function.reward_kwargs.model",
        ),
    }
    sizes = {
        name: billions(settings.get(model, ""))
        for name, (placement, model) in found.items()
        if settings.get(placement) == "shared"
    }
    return {name: size for name, size in sizes.items() if size}


def what_to_type(settings: Mapping[str, str], shape: Shape, gpus: int, gigabytes: float) -> str:
    """The settings to type: TOKENS is halved, and GPU_MEMORY lowered by 0.05, until both phases fit; an error if they never do."""
    room = USABLE * gigabytes
    typed, changed = [], dict(settings)
    key = "actor_rollout_ref.actor.ppo_max_token_len_per_gpu"
    longest = int(settings["data.max_prompt_length"]) + int(settings["data.max_response_length"])
    least = max(LEAST_TOKENS, longest)
    while sum(needs(changed, shape, gpus, gigabytes).update.values()) > room:
        if int(changed[key]) <= least:
            raise UserError(
                f"the update does not fit into {gigabytes:g} GB even with TOKENS={changed[key]}: use more GPUs "
                "(NGPUS, NNODES), a smaller MODEL, or shorter responses (RESPONSE)."
            )
        changed[key] = str(max(int(changed[key]) // 2, least))
    if changed[key] != settings[key]:
        typed.append(f"TOKENS={changed[key]}")
    key = "actor_rollout_ref.rollout.gpu_memory_utilization"
    while sum(needs(changed, shape, gpus, gigabytes).generation.values()) > room:
        changed[key] = f"{float(changed[key]) - 0.05:.2f}"
        if float(changed[key]) < LEAST_SHARE:
            raise UserError(
                f"there is no room for vLLM beside the training in {gigabytes:g} GB: use more GPUs, or a smaller MODEL."
            )
    if changed[key] != settings[key]:
        typed.append(f"GPU_MEMORY={float(changed[key]):g}")
    _cache_has_room(changed, shape, gigabytes, longest)
    return " ".join(typed)


def _cache_has_room(settings: Mapping[str, str], shape: Shape, gigabytes: float, longest: int) -> None:
    parallel = int(settings.get("actor_rollout_ref.rollout.tensor_model_parallel_size", "1"))
    share = float(settings["actor_rollout_ref.rollout.gpu_memory_utilization"])
    left = share * gigabytes * GIGA - HALF * shape.parameters / parallel
    if left < shape.cache_per_token / parallel * longest:
        raise UserError(
            f"vLLM's {share:.0%} of {gigabytes:g} GB do not hold the weights and one response of {longest:,} tokens: raise TP, "
            "or use larger GPUs."
        )


def table(found: Needs, gigabytes: float) -> str:
    lines = []
    for phase, parts in (("the update", found.update), ("generation", found.generation)):
        total = sum(parts.values())
        lines.append(
            f"{phase}: {total:.0f} of {gigabytes:g} GB" + ("" if total <= USABLE * gigabytes else ", too much")
        )
        lines += [f"    {value:7.1f}  {name}" for name, value in parts.items()]
    return "\n".join(lines)
