"""Hypothesis for all tests: no deadline, so that a busy machine fails nothing.

``pytest --hypothesis-profile=thorough`` looks much further; ``mutation`` is what ``mutmut`` runs with.
"""

try:
    from hypothesis import Phase, settings
except ImportError:  # the environments of the trainers have no Hypothesis; their tests need none
    pass
else:
    settings.register_profile("s2r", deadline=None)
    settings.register_profile("thorough", deadline=None, max_examples=5_000)
    # The same examples every time, and no search for a smaller one: a mutant is caught or it is not.
    settings.register_profile(
        "mutation", deadline=None, max_examples=20, derandomize=True, database=None, phases=[Phase.generate]
    )
    settings.load_profile("s2r")
