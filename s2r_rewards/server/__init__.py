"""Rewards behind OpenRLHF's protocol: as a function (:mod:`.protocol`) and as an HTTP service (:mod:`.app`)."""
