"""Which Ray cluster a run uses: its own, or a running one that the user named."""

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from omegaconf import DictConfig, OmegaConf

from dqo_verl.errors import UserError

KEY = "ray_kwargs.ray_init.address"
SECONDS_TO_ANSWER = 3.0


def named(config: DictConfig) -> str | None:
    """The address that the user named; None if there is none, or for `local`. As in Ray, RAY_ADDRESS wins over `auto`."""
    typed = OmegaConf.select(config, KEY)
    address = os.environ.get("RAY_ADDRESS") or typed if typed in (None, "auto") else typed
    return None if address == "local" else address


def refuse_silent(config: DictConfig) -> None:
    """Refuse an address where no Ray answers: Ray itself would retry for a minute."""
    typed = named(config)
    address = _left_by_a_dead_cluster() if typed == "auto" else typed
    if address is None:
        return
    place = urlsplit(address if "://" in address else f"//{address}")
    try:
        socket.create_connection((place.hostname or "", place.port or 0), timeout=SECONDS_TO_ANSWER).close()
    except (OSError, ValueError) as error:
        raise UserError(
            f"{KEY}={typed} (or RAY_ADDRESS): no Ray answers at {address} ({error}). Start Ray there (ray start --head), or "
            f"write +{KEY}=local: the run then starts its own Ray."
        ) from error


def _left_by_a_dead_cluster() -> str | None:
    """The address that `auto` stands for while no cluster runs here: Ray keeps that of the last cluster in a file."""
    folder = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"
    file = Path(folder, "ray", "ray_current_cluster")
    if not file.is_file() or any(process.info["name"] == "gcs_server" for process in psutil.process_iter(["name"])):
        return None
    return file.read_text().strip() or None
