"""Refuses a command that names a missing file, model, function or server, before Ray starts.

verl would notice only after minutes, when its engine has started. Paths that only verl's workers can read (hdfs://, s3://) are
not checked.
"""

import dis
import importlib.util
from collections.abc import Iterator
from glob import glob
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from dqo_verl.core.settings import Settings
from dqo_verl.errors import UserError
from dqo_verl.integrations.verl import ray_address
from dqo_verl.models import hub

DATA = ("data.train_files", "data.val_files")
POLICY = "actor_rollout_ref.model"
# settings whose path must exist
FILES = (f"{POLICY}.path", f"{POLICY}.tokenizer_path", f"{POLICY}.lora_adapter_path", "data.custom_cls.path")
FUNCTION = "reward.custom_reward_function"


def refuse_out_of_reach(config: DictConfig, settings: Settings) -> None:
    # a ray:// cluster has another disk and another network
    if (ray_address.named(config) or "").startswith("ray://"):
        return
    hub.check(settings.source)
    if OmegaConf.select(config, "data.custom_cls.path") is None:
        for key in DATA:
            for file in _listed(OmegaConf.select(config, key)):
                if _is_local(file) and not glob(str(Path(file).expanduser())):
                    raise UserError(
                        f"{key}={file}: there is no such file. To make a data set of the papers, type dqo-verl prepare NAME."
                    )
    for key in FILES:
        file = OmegaConf.select(config, key)
        if file and file.startswith((".", "/", "~")) and not Path(file).expanduser().exists():
            raise UserError(f"{key}={file}: there is no such file or directory.")
    for key in _models(config, settings):
        name = OmegaConf.select(config, key)
        if name is not None and _is_local(name):
            hub.reach(name, f"{key}={{}}".format)
    if path := OmegaConf.select(config, f"{FUNCTION}.path"):
        _refuse_missing_function(path, OmegaConf.select(config, f"{FUNCTION}.name"))


def _models(config: DictConfig, settings: Settings) -> Iterator[str]:
    """The keys of verl's own models that this run loads."""
    yield f"{POLICY}.hf_config_path" if config.actor_rollout_ref.model.get("hf_config_path") else f"{POLICY}.path"
    if config.critic.enable or settings.base == "gae":
        yield "critic.model.path"
    if config.reward.reward_model.enable:
        yield "reward.reward_model.model_path"


def _listed(files: Any) -> list[str]:
    return [str(file) for file in files] if isinstance(files, list | ListConfig) else [str(files)] if files else []


def _is_local(place: str) -> bool:
    return "://" not in place


def _refuse_missing_function(path: str, name: str) -> None:
    """Refuse a missing reward function. Reads its file without importing it: the import may load a model."""
    file = _source_of(path)
    if file is None:
        return
    if not file.is_file():
        raise UserError(f"{FUNCTION}.path={path}: there is no such file.")
    try:
        defined = _defined(file)
    except SyntaxError as error:
        raise UserError(f"{FUNCTION}.path={path}, line {error.lineno}: {error.msg}.") from error
    if name not in defined and not {"*", "__getattr__"} & defined:
        functions = ", ".join(sorted(one for one in defined if not one.startswith("_"))) or "nothing"
        raise UserError(f"{FUNCTION}.name={name}: {path} has no {name}. It defines {functions}.")


def _source_of(path: str) -> Path | None:
    """The file of verl's `path`, which is a file or `pkg://package.module`; None for a module without Python source."""
    if not path.startswith("pkg://"):
        return Path(path.removeprefix("file://"))
    try:
        found = importlib.util.find_spec(path.removeprefix("pkg://").replace("/", "."))
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise UserError(f"{FUNCTION}.path={path}: there is no such module. Is it installed, or on the PYTHONPATH?")
    return Path(found.origin) if found.origin and found.origin.endswith(".py") else None


def _defined(file: Path) -> set[str]:
    """The names that a module defines at its top level, also in branches; `*` if it imports all names of another module."""
    code = compile(file.read_text(), str(file), "exec", dont_inherit=True)
    names = {one.argval for one in dis.get_instructions(code) if one.opname == "STORE_NAME"}
    return names | ({"*"} if ("*",) in code.co_consts else set())
