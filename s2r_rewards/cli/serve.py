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
@click.option(
    "--token-file",
    type=click.Path(exists=True, dir_okay=False),
    help="A secret that requests have to show. Needed wherever other machines can reach the address.",
)
@scoring_options()
@attached(*_LIMITS)
def command(host: str, port: int, token_file: str | None, scoring: Scoring, **limits: Any) -> None:
    """Serve outcome rewards over HTTP, in OpenRLHF's protocol.

    \b
    POST /get_reward   {"query": [...], "prompts": [...], "labels": [...]}
                       -> {"rewards": [...], "scores": [...], "extra_logs": {...}}
    GET  /health       200 while serving, 503 while draining
    GET  /metrics      Prometheus text

    --workers processes score; one reads and writes requests. With --token-file requests need
    `Authorization: Bearer TOKEN`, or the address http://s2r:TOKEN@host:port.

    \b
    Example:
      s2r serve --port 5000 &
      python -m openrlhf.cli.train_ppo_ray --reward.remote_url http://127.0.0.1:5000/get_reward ...
    """
    try:
        from s2r_rewards.server.access import read_token, require_closed
        from s2r_rewards.server.app import serve
    except ImportError as error:
        raise ImportError(f'{error}; s2r serve needs: pip install "s2r-rewards[serve]"') from None
    token = read_token(token_file) if token_file else None
    settings = Settings(scoring.options, scoring.options.workers, token, **limits)
    require_closed(host, token)
    serve(settings, host, port)
