"""``python -m s2r_rewards`` is the ``s2r`` command."""

from s2r_rewards.cli import main

main(prog_name="s2r")
