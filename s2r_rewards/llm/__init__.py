"""Asking a language model over HTTP: a client, and a judge for what rules cannot decide.

``client``    completions from an OpenAI-compatible server, with retries
``settings``  which judge, for what, at what price
``judge``     many short questions at once: cached on disk, within a budget, never in the way
``answers``   the judge beside the golden-answer checker
"""
