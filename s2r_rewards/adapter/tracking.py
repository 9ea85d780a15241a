"""Whether a run could log to Weights & Biases: found out before the models are loaded."""

from __future__ import annotations

import netrc
import os
from pathlib import Path
from urllib.parse import urlsplit

from s2r_rewards.adapter.machine import installed

#: Where wandb logs to unless told otherwise, by WANDB_BASE_URL (WANDB_HOST is the name that it shows for this machine).
SERVER = "https://api.wandb.ai"
_WITHOUT_KEY = ("offline", "disabled", "dryrun")


def wandb_problem() -> tuple[bool, str]:
    """(whether a run cannot log for sure, what is wrong with the way out); "" where nothing is.

    wandb takes its key from WANDB_API_KEY, a token file, the netrc file, or its own settings. A key of another server may
    still serve (a proxy, an alias), so that only where there is none at all a run is hopeless.
    """
    if installed("wandb") is None:
        return True, "--wandb needs the package wandb: pip install wandb"
    named = any(os.environ.get(name) for name in ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE"))
    if named or os.environ.get("WANDB_MODE", "").lower() in _WITHOUT_KEY:
        return False, ""
    server = urlsplit(os.environ.get("WANDB_BASE_URL") or SERVER).netloc
    path, way_out = _netrc_file(), "run `wandb login`, or set WANDB_API_KEY or WANDB_MODE=offline"
    try:
        known = netrc.netrc(path)
    except FileNotFoundError:
        return (False, "") if _in_settings() else (True, f"--wandb: nobody is logged in; {way_out}")
    except (OSError, netrc.NetrcParseError) as error:
        return False, f"--wandb: {path} cannot be read ({error}); if wandb asks for a key, {way_out}"
    if known.authenticators(server) or _in_settings():
        return False, ""
    if not known.hosts:
        return True, f"--wandb: nobody is logged in; {way_out}"
    return False, f"--wandb: {path} has no key for {server} (WANDB_BASE_URL); if wandb asks for one, {way_out}"


def _netrc_file() -> Path:
    """As wandb looks for it."""
    if own := os.environ.get("NETRC"):
        return Path(own).expanduser()
    places = Path("~/.netrc").expanduser(), Path("~/_netrc").expanduser()
    return next((place for place in places if place.exists()), places[0])


def _in_settings() -> bool:
    """Whether wandb's own settings, of the user or of this folder, name a key."""
    user = os.environ.get("WANDB_CONFIG_DIR") or Path("~/.config/wandb").expanduser()
    files = [Path(user, "settings"), Path(os.environ.get("WANDB_DIR") or ".", "wandb", "settings")]
    return any(file.is_file() and "api_key" in file.read_text("utf-8", "replace") for file in files)
