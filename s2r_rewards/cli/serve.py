"""``s2r serve``: rewards over HTTP, in OpenRLHF's protocol."""

from typing import Any

import click

from s2r_rewards.cli.kit.commands import attached
from s2r_rewards.cli.kit.paths import verb
from s2r_rewards.cli.kit.scoring import Scoring, scoring_options
from s2r_rewards.server.settings import Settings

_HELP = {
    "max_bytes": "Larger bodies get 413.",
    "max_batch": "Samples judged together.",
    "batch_wait": "Seconds to wait for more samples.",
    "drain": "Seconds to keep serving after SIGTERM.",
}
_LIMITS = [
    click.Option([f"--{name.replace('_', '-')}"], default=getattr(Settings, name), show_default=True, help=text)
    for name, text in _HELP.items()
]


@verb()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; loopback by default.")
@click.option("--port", default=5000, show_default=True, type=click.IntRange(0, 65535))
@scoring_options()
@attached(*_LIMITS)
def command(host: str, port: int, scoring: Scoring, **limits: Any) -> None:
    """Serve outcome rewards over HTTP, in OpenRLHF's protocol.

    \b
    POST /get_reward   {"query": [...], "prompts": [...], "labels": [...]}
                       -> {"rewards": [...], "scores": [...], "extra_logs": {...}}
    GET  /health       200 while serving, 503 while draining
    GET  /metrics      Prometheus text

    \b
    Example:
      s2r serve --port 5000 &
      python -m openrlhf.cli.train_ppo_ray --reward.remote_url http://127.0.0.1:5000/get_reward ...
    """
    settings = Settings(options=scoring.options, **limits)
    try:
        from s2r_rewards.server.app import serve
    except ImportError as error:
        raise ImportError(f'{error}; s2r serve needs: pip install "s2r-rewards[serve]"') from None
    serve(settings, host, port)
