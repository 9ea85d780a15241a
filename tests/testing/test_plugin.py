"""The plugin in a real pytest run of its own."""

import sys

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture
def run(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", ":".join(p for p in sys.path if p))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run_file(source):
        pytester.makepyfile(source)
        return pytester.runpytest_subprocess("-p", "s2r_rewards.testing.plugin")

    return run_file


def test_fixtures_reach_a_users_test(run):
    result = run(
        """
        def test_it(s2r_solve, s2r_shelf, s2r_oracle):
            assert "boxed{4}" in s2r_solve("4").verify("correct").text()
            assert len(s2r_shelf) > len(s2r_oracle.cases) == 5
        """
    )
    result.assert_outcomes(passed=1)


def test_case_fixture_runs_once_per_case(run):
    from s2r_rewards.testing import SHELF

    result = run(
        """
        def test_it(s2r_case):
            assert s2r_case.outcome in (-1, 1)
        """
    )
    result.assert_outcomes(passed=len(SHELF))


def test_a_wrong_reward_function_fails_with_the_actions(run):
    """The documented example: a reward that forgets the verifications."""
    result = run(
        """
        from s2r_rewards.testing import assert_reward_function

        def my_reward(response, gold):
            return [1.0 if "boxed{%s}" % gold in part else -1.0 for part in response.split("Wait,")]

        def test_my_reward(s2r_oracle):
            assert_reward_function(my_reward, s2r_oracle.cases)
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*4 of 5 cases differ*", "*rewards of “right and confirmed”*", "*> *verify*"])


def test_plugin_does_not_load_the_library(run):
    result = run(
        """
        import sys

        def test_it():
            heavy = {"torch", "numpy", "sympy", "transformers"}
            assert not heavy & set(sys.modules)
        """
    )
    result.assert_outcomes(passed=1)
