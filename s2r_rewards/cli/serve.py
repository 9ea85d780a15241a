"""``s2r serve``: rewards over HTTP, in OpenRLHF's protocol."""

from __future__ import annotations

import click

from s2r_rewards.server.settings import Settings


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="address to listen on; loopback by default"
)
@click.option("--port", default=5000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--preset", default=Settings.preset, show_default=True, help="rules: paper or released")
@click.option(
    "--grammar", default=None, help="how responses are parsed: paper, released or tags [the preset's]"
)
@click.option("--max-bytes", default=Settings.max_bytes, show_default=True, help="larger bodies get 413")
@click.option("--max-batch", default=Settings.max_batch, show_default=True, help="samples judged together")
@click.option(
    "--batch-wait", default=Settings.batch_wait, show_default=True, help="seconds to wait for more samples"
)
@click.option(
    "--drain", default=Settings.drain, show_default=True, help="seconds to keep serving after SIGTERM"
)
def command(host: str, port: int, **options) -> None:
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
    try:
        settings = Settings(**options)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        from s2r_rewards.server.run import serve
    except ImportError as error:
        raise click.ClickException(f'{error}; s2r serve needs: pip install "s2r-rewards[serve]"') from None
    serve(settings, host, port)
