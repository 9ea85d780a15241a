"""What every framework adapter shares: options, scoring that never raises, metrics of a batch."""

import logging
import math
from dataclasses import dataclass, fields, replace

import pytest

from s2r_rewards import METRIC_NAMES, answers, behaviour_metrics, judge, parse
from s2r_rewards.adapter import (
    FAILED_METRIC,
    ConfigError,
    Options,
    Sample,
    batch,
    batch_metrics,
    resolve_checker,
    resolve_method,
    score_response,
    score_responses,
    scoring,
    step_alarms,
)
from s2r_rewards.adapter.batch import Failures
from s2r_rewards.adapter.options import option
from s2r_rewards.alarms import alarm_metrics, find_alarms
from s2r_rewards.answers import CHECKER_VERSION, CheckResult
from s2r_rewards.baselines import position, reward_context
from s2r_rewards.judging import JudgedTrajectory
from s2r_rewards.methods import METHODS, get_method
from s2r_rewards.scored import ScoredRollout
from s2r_rewards.trajectory import Action, Trajectory

W = "Wait, let me recheck my solution."
RIGHT = f"\\boxed{{4}} {W} So the answer is correct."
HERE = "tests_adapter_objects"  # the module that the fixture puts on the path


@pytest.fixture(autouse=True)
def _own_objects(monkeypatch, tmp_path):
    (tmp_path / f"{HERE}.py").write_text(
        "from dataclasses import replace\n"
        "from s2r_rewards import get_method\n"
        "from s2r_rewards.answers import CheckResult\n"
        "def tenth(judged): return (0.1,) * len(judged.trajectory.scored)\n"
        "def zero(rewards, groups): return tuple((0.0,) * len(row) for row in rewards)\n"
        "def checker(gold, answer): return CheckResult('correct' if answer == gold else 'incorrect', 'mine', 'by hand')\n"
        "def broken(gold, answer): raise RuntimeError('no')\n"
        "def unfinished(judged): raise ZeroDivisionError('oh')\n"
        "METHOD = replace(get_method('s2r-prl'), name='mine', rewards=tenth)\n"
        "BROKEN = replace(METHOD, rewards=unfinished)\n"
    )
    (tmp_path / "tests_adapter_few.py").write_text("main = 1")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(scoring, "failures", Failures())


def muted(checks):
    return tuple(replace(check, reason="") for check in checks)


MINE = Options(checker=f"{HERE}:checker")


class Letters:
    """One token a character; 0 is the end token."""

    def id_to_token(self, i):
        return chr(i) if i else "</s>"

    class decoder:
        def __getstate__():
            return b'{"type": "Fuse"}'


def tokens(text):
    return [*map(ord, text), 0]


class TestOptions:
    def test_defaults_leave_all_to_the_method(self):
        options = Options()
        assert options.given() == {}
        assert (options.method, options.workers, options.beta, options.alarms) == ("s2r-prl", 2, 0.0, True)
        assert options.max_chars == 10_000_000
        assert resolve_method(options) is get_method("s2r-prl")

    def test_what_is_given(self):
        options = Options.from_mapping({"method": "s2r-orl", "min_count": 3, "alarms": True})
        assert options == Options("s2r-orl", min_count=3)
        assert options.given() == {"method": "s2r-orl", "min_count": 3}

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            (
                {"shape": "round", "colour": 1},
                "s2r has unknown keys ['colour', 'shape']; expected some of ['method', 'rewards', 'baseline', "
                "'groups', 'running', 'leave_one_out', 'min_count', 'grammar', 'checker', 'policy', 'judge', 'timeouts', 'workers', "
                "'ratio', 'objective', 'average', 'divisor', 'count_end', 'beta', 'alarms', 'max_chars', 'rollouts', "
                "'conversation']",
            ),
            (
                {"preset": "paper"},
                "s2r.preset='paper' is a key of former releases; use method=s2r-prl or s2r-orl (paper), "
                "released-prl or released-orl (released)",
            ),
            ("paper", "s2r is 'paper'; expected a mapping"),
            ({"workers": 0}, "s2r: workers is 0; expected a number >= 1"),
            ({"workers": True}, "s2r: workers is True; expected a number >= 1"),
            ({"max_chars": 0}, "s2r: max_chars is 0; expected a number >= 1"),
            ({"beta": -0.5}, "s2r: beta is -0.5; expected a number >= 0"),
            ({"min_count": -1}, "s2r: min_count is -1; expected a number >= 0"),
            (
                {"groups": "level"},
                "s2r: groups is 'level'; expected one of batch, prompt, accuracy, accuracy_of_others",
            ),
            (
                {"method": "paper"},
                f"s2r: unknown method 'paper'; expected one of {', '.join(sorted(METHODS))}, or your own as "
                "package.module:object",
            ),
            (
                {"rewards": "tests_adapter_few:no"},
                "s2r: rewards 'tests_adapter_few:no': 'tests_adapter_few' has no 'no'; expected one of main",
            ),
            ({"rewards": "math:pi"}, "s2r: rewards 'math:pi' is float; expected a function"),
            (
                {"checker": "tests_adapter_few:no"},
                "s2r: checker 'tests_adapter_few:no': 'tests_adapter_few' has no 'no'; expected one of main",
            ),
            (
                {"baseline": "log_mean_exp", "min_count": 2, "leave_one_out": True},
                "s2r: leave_one_out, min_count: the baseline <function log_mean_exp> has no such setting",
            ),
            (
                {"method": "released-prl", "leave_one_out": True},
                "s2r: method 'released-prl[leave_one_out=True]': running: reward_context has leave_one_out=True; "
                "earlier batches never hold the action itself",
            ),
            (
                {"divisor": 0.0},
                "s2r: method 's2r-prl[divisor=0.0]': divisor is 0.0; expected a positive number, or None",
            ),
            (
                {"average": "responses", "divisor": 8.0},
                "s2r: method 's2r-prl[average=responses,divisor=8.0]': a divisor takes the place of |y|: use "
                "average='actions' or 'tokens' with it",
            ),
            (
                {"method": "pag", "baseline": "position"},
                "s2r: baseline is 'position'; method 'pag' has an estimator of its own, which takes no baseline: drop it",
            ),
            (
                {"method": "gigpo", "leave_one_out": True},
                "s2r: leave_one_out is True; method 'gigpo' has an estimator of its own, which takes no baseline: "
                "drop it",
            ),
            (
                {"method": "return-to-go", "running": True, "leave_one_out": False},
                "s2r: method 'return-to-go[running=True,leave_one_out=False]': returns need running=False and a keyed "
                "baseline (s2r_rewards.baselines.Baseline) or none, found running=True, Baseline(name='reward_context', "
                "keys=<function context_keys>, leave_one_out=False, min_count=1, default=0.0, pool_from=64)",
            ),
        ],
    )
    def test_what_is_refused(self, given, message):
        with pytest.raises(ConfigError) as caught:
            Options.from_mapping(given)
        shown = str(caught.value)
        if " at 0x" in shown:
            shown = shown[: shown.index(" at 0x")] + shown[shown.index(">") :]
        assert shown == message

    def test_keys_of_former_releases_say_what_is_used_today(self):
        for given, message in (
            ({"preset": "paper"}, "a.b.preset='paper' is a key of former releases; use method=s2r-prl or s2r-orl (paper), "
             "released-prl or released-orl (released)"),
            ({"level": "outcome"}, "a.b.level='outcome' is a key of former releases; use the method has it: method=s2r-prl "
             "(process) or method=s2r-orl (outcome)"),
            ({"baseline": "running"}, "a.b.baseline=running is a value of former releases; use running=true"),
        ):  # fmt: skip
            with pytest.raises(ConfigError) as caught:
                Options.from_mapping(given, where="a.b")
            assert str(caught.value) == message

    def test_every_option_has_a_default_and_a_sentence_of_help(self):
        assert all(one.metadata["help"].endswith((".", ").")) for one in fields(Options))

        @dataclass
        class Own:
            mine: int = option(3, "Mine.")

        assert (Own().mine, [one.metadata for one in fields(Own)]) == (3, [{"help": "Mine."}])

    def test_the_block_is_named(self):
        with pytest.raises(ConfigError, match=r"^algorithm\.s2r: workers is 0"):
            Options.from_mapping({"workers": 0}, where="algorithm.s2r")
        with pytest.raises(ConfigError, match=r"^algorithm\.s2r has unknown keys \['x'\]"):
            Options.from_mapping({"x": 0}, where="algorithm.s2r")

    def test_what_could_only_be_ignored_is_refused(self):
        Options(ratio="token").refuse(["beta", "min_count"], "not here")
        with pytest.raises(ConfigError) as caught:
            Options(ratio="token", min_count=3).refuse(["beta", "min_count", "ratio"], "only a trainer uses it")
        assert str(caught.value) == "min_count is 3; only a trainer uses it"

    def test_edges_are_allowed(self):
        Options(workers=1, max_chars=1, beta=0, min_count=0)


class TestResolvedMethod:
    def test_every_choice_arrives(self):
        method = resolve_method(
            Options(
                method="s2r-prl", rewards=f"{HERE}:tenth", baseline="position", groups="prompt", leave_one_out=True,
                min_count=3, grammar="tags", ratio="token",
            )
        )  # fmt: skip
        assert method.baseline == replace(position, leave_one_out=True, min_count=3)
        assert method.rewards(judge(parse(RIGHT), "4")) == (0.1, 0.1)
        assert (method.groups, method.ratio, method.grammar.name) == ("prompt", "token", "tags")
        assert (method.level, method.running) == ("process", False)
        assert method.name == (
            f"s2r-prl[rewards={HERE}:tenth,baseline=position,groups=prompt,leave_one_out=True,min_count=3,"
            "grammar=tags,ratio=token]"
        )

    def test_settings_change_the_methods_own_baseline(self):
        method = resolve_method(Options(min_count=4))
        assert method.baseline == replace(reward_context, min_count=4)
        assert method.name == "s2r-prl[min_count=4]"
        assert resolve_method(Options(leave_one_out=False, method="s2r-orl")).baseline.leave_one_out is False

    def test_running_can_be_switched(self):
        assert resolve_method(Options(running=True)).new_state() is not None
        off = resolve_method(Options(method="released-prl", running=False))
        assert (off.new_state(), off.name) == (None, "released-prl[running=False]")

    def test_a_function_can_be_the_baseline(self):
        method = resolve_method(Options(baseline=f"{HERE}:zero"))
        assert method.advantages([judge(parse(RIGHT), "4")]) == ((1.0, 1.0),)

    def test_a_method_of_ones_own(self):
        assert resolve_method(Options(method=f"{HERE}:METHOD")).name == "mine"

    def test_what_does_not_concern_the_method_leaves_it_alone(self):
        assert resolve_method(Options(workers=4, beta=0.1, alarms=False, max_chars=9)) is get_method("s2r-prl")


class TestScoring:
    def test_text(self):
        scored = score_response("\\boxed{5}", "4", MINE, finished=True, level=3)
        assert [a.kind for a in scored.actions] == ["solve", "end"]
        assert (scored.rewards, scored.outcome, scored.spans) == ((-1.0,), -1.0, ())
        assert (scored.level, scored.checker, scored.method) == ("3", f"{HERE}:checker", "s2r-prl")
        assert (scored.checks[0].reason, scored.failure) == ("by hand", None)

    def test_the_librarys_checker_is_the_default(self):
        scored = score_response(RIGHT, "4.0")
        assert (scored.rewards, scored.checker, scored.level) == ((1.0, 1.0), CHECKER_VERSION, None)

    def test_tokens(self):
        """One token a character, so token spans are character spans; the end token closes."""
        text = "\\boxed{4} " + W + " Hm"
        scored = score_response(tokens(text), "4", MINE, tokenizer=Letters())
        assert scored.spans == ((0, 10), (10, len(text)), (len(text), len(text) + 1))
        assert scored.ended is True
        assert scored.rewards == (1.0, -1.0)

    def test_many_in_one_call_of_the_checker(self, monkeypatch):
        calls = []

        def checker(pairs):
            calls.append(pairs)
            return [CheckResult("correct", "mine") for _ in pairs]

        monkeypatch.setattr(scoring, "resolve_checker", lambda options: checker)
        samples = [Sample("\\boxed{1}", "1", True, "a"), Sample("\\boxed{2}", {"gold": "3"}), Sample("none", "4")]
        scored = score_responses(samples)
        assert calls == [[("1", "1"), ("3", "2")]]
        assert [s.rewards for s in scored] == [(1.0,), (1.0,), (-1.0,)]
        assert [s.level for s in scored] == ["a", None, None]
        assert [s.ended for s in scored] == [True, None, None]

    def test_the_options_grammar_reads(self):
        options = replace(MINE, grammar="tags")
        scored = score_response("<solve>\\boxed{4}<verify><verdict>correct</verdict>", "4", options)
        assert (scored.rewards, scored.grammar) == ((1.0, 1.0), "tags")


class TestFailures:
    def test_a_bad_label_fails_alone(self):
        scored = score_responses([Sample(RIGHT, "4"), Sample(RIGHT, None, level=7), Sample(RIGHT, "5")], MINE)
        assert [s.rewards for s in scored] == [(1.0, 1.0), (-1.0,), (-1.0, -1.0)]
        failed = scored[1]
        assert failed.failure == (
            "LabelError: label: found NoneType; expected the golden answer as text, a list of accepted answers, or an "
            "object with `gold`"
        )
        assert failed.checks == (CheckResult("ungradable", "reward", failed.failure),)
        assert [(a.kind, a.start, a.end) for a in failed.actions] == [("solve", 0, len(RIGHT))]
        assert (failed.outcome, failed.level, failed.ended, failed.spans) == (-1.0, "7", None, ())
        assert [s.failure for s in scored][::2] == [None, None]
        assert scoring.failures.seen.total() == 1

    def test_the_others_are_checked_together(self, monkeypatch):
        """Whatever a bad sample fails at: its label, its text, its length, the rewards of a method of one's own."""
        calls = []

        def checker(pairs):
            calls.append(len(pairs))
            return [CheckResult("correct", "mine") for _ in pairs]

        def rewards(judged):
            return (1.0,) * len(judged.checks) if judged.gold != "6" else None

        method = replace(get_method("s2r-prl"), rewards=rewards)
        monkeypatch.setattr(scoring, "resolve_checker", lambda options: checker)
        monkeypatch.setattr(scoring, "resolve_method", lambda options: method)
        samples = [Sample("\\boxed{1}", gold) for gold in ("4", None, "5", "6", "7")]
        samples += [Sample(None, "4"), Sample("x" * 100, "4"), Sample([-1], "4")]
        scored = score_responses(samples, Options(max_chars=99), tokenizer=Letters())
        assert calls == [4]
        assert [s.outcome for s in scored] == [1.0, -1.0, 1.0, -1.0, 1.0, -1.0, -1.0, -1.0]
        causes = [s.failure and s.failure.split(":")[0] for s in scored]
        assert causes == [None, "LabelError", None, "TypeError", None, "ValueError", "ValueError", causes[-1]]
        assert causes[-1]

    def test_the_others_keep_options_and_tokens(self):
        scored = score_responses(
            [Sample(tokens("\\boxed{4}"), "4"), Sample(tokens("\\boxed{4}"), None)], MINE, tokenizer=Letters()
        )
        assert (scored[0].failure, scored[0].checker) == (None, f"{HERE}:checker")
        assert scored[0].spans == ((0, 9), (9, 10))
        assert scored[1].spans == ((0, 10),)

    def test_the_failing_reward_is_the_methods_own(self, monkeypatch):
        """What a method pays for one wrong, ungradable attempt over the whole response."""
        seen = []
        mine = replace(get_method("s2r-prl"), name="mine", rewards=lambda judged: seen.append(judged) or (-0.5,))
        monkeypatch.setattr(scoring, "resolve_method", {MINE: mine}.__getitem__)
        failed = score_response(RIGHT, None, MINE)
        assert (failed.method, failed.rewards, failed.outcome) == ("mine", (-0.5,), -1.0)
        action = Action("solve", 0, len(RIGHT))
        check = CheckResult("ungradable", "reward", failed.failure)
        assert seen == [JudgedTrajectory(Trajectory(RIGHT, (action,)), "", (check,))]

    @pytest.mark.parametrize(
        ("response", "failure", "actions", "spans"),
        [
            (None, "ValueError: no response: none was given, or the prompt was not found in the query", [], ()),
            ("", "LabelError", [], ()),
            ([], "LabelError", [], ()),
            ([65, 66, 67], "LabelError", [("solve", 0, 0)], ((0, 3),)),
            ("abcd", "LabelError", [("solve", 0, 4)], ()),
        ],
    )
    def test_the_failing_reward_lies_on_every_token(self, response, failure, actions, spans):
        gold = "4" if response is None else ""
        scored = score_response(response, gold, MINE, tokenizer=Letters())
        assert scored.failure.startswith(failure)
        assert [(a.kind, a.start, a.end) for a in scored.actions] == actions
        assert scored.spans == spans
        assert (scored.rewards, scored.outcome) == ((-1.0,) * len(actions), -1.0)

    def test_a_response_may_be_too_long(self):
        options = replace(MINE, max_chars=len(RIGHT))
        assert score_response(RIGHT, "4", options).failure is None
        failed = score_response(RIGHT + "!", "4", options)
        length = len(RIGHT)
        assert failed.failure == f"ValueError: the response has {length + 1} characters; max_chars is {length}"

    def test_a_checker_that_raises(self):
        """The check is ungradable, which is not right; the rest of the response is scored."""
        scored = score_response(RIGHT, "4", replace(MINE, checker=f"{HERE}:broken"))
        assert (scored.checks[0].verdict, scored.rewards, scored.failure) == ("ungradable", (-1.0, -1.0), None)

    def test_a_batch_checker_that_raises(self, monkeypatch):
        def checker(pairs):
            if ("5", "4") in pairs:
                raise RuntimeError("no")
            return [CheckResult("correct", "mine") for _ in pairs]

        monkeypatch.setattr(scoring, "resolve_checker", lambda options: checker)
        scored = score_responses([Sample(RIGHT, "4"), Sample(RIGHT, "5"), Sample("no answer", "5")], MINE)
        assert [s.failure for s in scored] == [None, "RuntimeError: no", None]

    def test_a_method_that_raises(self):
        scored = score_response(RIGHT, "4", replace(MINE, method=f"{HERE}:BROKEN"))
        assert (scored.failure, scored.rewards, scored.outcome) == ("ZeroDivisionError: oh", (-1.0,), -1.0)
        in_tokens = score_response([65, 66], "4", replace(MINE, method=f"{HERE}:BROKEN"), tokenizer=Letters())
        assert in_tokens.spans == ((0, 2),)

    def test_the_first_of_a_kind_is_logged(self, caplog):
        caplog.set_level(logging.ERROR)
        for gold in (None, "", "4", None):
            score_response(RIGHT, gold, MINE)
        assert scoring.failures.seen.total() == 3
        (record,) = caplog.records
        cause = "LabelError: label: found NoneType; expected the golden answer as text"
        assert record.getMessage().startswith(
            "S2R scoring failed (response); it earns the failing reward and training goes on. Further failures of "
            f"this kind are counted, not logged. {cause}"
        )
        assert record.exc_info[0].__name__ == "LabelError"

    def test_kinds_are_told_apart_by_place_and_error(self, caplog):
        failures = Failures()
        assert failures.seen.total() == 0
        assert failures.note(ValueError("a"), "here", "it is left out") == "ValueError: a"
        failures.note(ValueError("b"), "here")
        failures.note(ValueError("c"), "there")
        failures.note(TypeError("d"), "here")
        assert failures.seen.total() == 4
        assert [r.getMessage().split(". ")[-1] for r in caplog.records] == [
            "ValueError: a", "ValueError: c", "TypeError: d",
        ]  # fmt: skip
        assert "(here); it is left out and training goes on." in caplog.records[0].getMessage()

    def test_causes_are_cut(self):
        assert len(Failures().note(ValueError("x" * 600), "here")) == 500


class TestStepAlarms:
    """Alarms of a step are those of its responses, judged; what failed is left out."""

    TEXTS = ("\\boxed{4} " + W + " So the answer is correct.", "\\boxed{5}", "\\boxed{4}")
    PROMPTS = ("2+2?", "What is 5? 5.", "3+1?")

    def expected(self, which=(0, 1, 2)):
        judged = [judge(parse(self.TEXTS[i] + "</s>"), "4") for i in which]
        return alarm_metrics(find_alarms(judged, [self.PROMPTS[i] for i in which]))

    def records(self, texts=TEXTS, golds=("4", "4", "4"), options=MINE):
        samples = [Sample(tokens(text), gold) for text, gold in zip(texts, golds, strict=True)]
        return score_responses(samples, options, tokenizer=Letters())

    def alarms(self, records, options=MINE, texts=TEXTS):
        ids = [tokens(text) for text in texts]
        return step_alarms(iter(records), ["4"] * 3, self.PROMPTS, ids, Letters(), options)

    def test_the_same_as_of_the_judged_trajectories(self):
        assert self.alarms(self.records()) == pytest.approx(self.expected(), nan_ok=True)

    def test_records_that_travelled_without_answers_are_parsed_again(self):
        travelled = [ScoredRollout.loads(record.dumps()) for record in self.records()]
        assert self.alarms(travelled) == pytest.approx(self.expected(), nan_ok=True)

    def test_what_failed_is_left_out(self):
        assert self.alarms(self.records(golds=("4", None, "4"))) == pytest.approx(self.expected((0, 2)), nan_ok=True)

    def test_what_does_not_fit_its_text_is_left_out(self):
        """The second text, read again, has two attempts; the record has one check."""
        travelled = [ScoredRollout.loads(record.dumps()) for record in self.records()]
        other = f"\\boxed{{5}} {W} So the answer is incorrect. Let me try again. \\boxed{{4}}"
        found = self.alarms(travelled, texts=(self.TEXTS[0], other, self.TEXTS[2]))
        assert found == pytest.approx(self.expected((0, 2)), nan_ok=True)

    def test_the_options_say_how_to_read(self, monkeypatch):
        seen = []
        monkeypatch.setattr(batch, "find_alarms", lambda judged, prompts: seen.append((judged, prompts)) or [])
        options = replace(MINE, grammar="tags")
        texts = ("<solve>\\boxed{4}<verify>Hm", "<solve>\\boxed{5}", "\\boxed{4}")
        records = self.records(texts, options=options)
        self.alarms(records, options, texts)
        self.alarms([ScoredRollout.loads(record.dumps()) for record in records], options, texts)
        (kept, prompts), (travelled, _) = seen
        assert prompts == list(self.PROMPTS)
        assert [item.trajectory.grammar for item in kept] == ["tags"] * 3
        assert [a.kind for a in kept[0].trajectory.actions] == ["solve", "verify", "end"]
        assert travelled == [replace(item, checks=muted(item.checks)) for item in kept]
        assert [item.gold for item in kept] == ["4"] * 3

    def test_whether_it_ended_is_what_the_record_says(self, monkeypatch):
        seen = []
        monkeypatch.setattr(batch, "find_alarms", lambda judged, prompts: seen.extend(judged) or [])
        record = score_response("\\boxed{4}", "4", MINE, finished=False)
        travelled = ScoredRollout.loads(record.dumps())
        step_alarms([travelled], ["4"], [""], [list(map(ord, "\\boxed{4}"))], Letters(), MINE)
        assert seen[0].trajectory.ended is False

    def test_none_are_asked_for(self):
        assert self.alarms(self.records(), replace(MINE, alarms=False)) == {}

    def test_they_never_stop_a_run(self, caplog, monkeypatch):
        noted = Failures()
        monkeypatch.setattr(batch, "failures", noted)
        assert step_alarms(self.records(), ["4"], self.PROMPTS, [[65]] * 3, Letters(), MINE) == {}
        assert dict(noted.seen) == {"alarms: ValueError": 1}
        assert "(alarms); this step logs none and training goes on." in caplog.records[0].getMessage()


class TestBatchMetrics:
    def test_the_same_as_of_the_judged_trajectories(self):
        texts = [RIGHT, "\\boxed{5}", RIGHT.replace("correct", "incorrect")]
        scored = [
            score_response(text, "4", MINE, level=level) for text, level in zip(texts, ["2", 10, None], strict=True)
        ]
        metrics = batch_metrics(iter(scored))
        judged = [judge(parse(text), "4") for text in texts]
        expected = behaviour_metrics(judged, levels=["2", "10", None])
        expected[FAILED_METRIC] = 0.0
        assert list(metrics) == list(expected)
        assert metrics == pytest.approx(expected, nan_ok=True)
        assert FAILED_METRIC == "s2r/alarm/scoring_failed"

    def test_failures_are_a_share(self):
        scored = score_responses([Sample(RIGHT, gold) for gold in ("4", None, "4", "4")], MINE)
        assert batch_metrics(scored)[FAILED_METRIC] == 0.25

    def test_nothing(self):
        metrics = batch_metrics([])
        assert list(metrics) == [*METRIC_NAMES, FAILED_METRIC]
        assert all(math.isnan(value) for value in metrics.values())


def test_a_level_beside_the_gold_counts_where_the_sample_has_none():
    label = {"gold": "4", "level": 3}
    assert score_response("x", label, MINE).level == "3"
    assert score_response("x", label, MINE, level=5).level == "5"


def test_a_level_may_be_empty():
    for level, shown in ((None, None), ("", None), (" ", None), (0, "0"), ("5", "5")):
        assert score_response("x", "4", MINE, level=level).level == shown
        assert score_response("x", None, MINE, level=level).level == shown


def test_the_checker_that_the_options_name(monkeypatch):
    check = resolve_checker(MINE)
    assert [result.tier for result in check([("4", "4"), ("4", "5")])] == ["mine", "mine"]
    asked = []
    monkeypatch.setattr(answers, "batch_checker", lambda *args: asked.append(args) or check)
    assert resolve_checker(Options(checker="a:b", policy="c:d", workers=3)) is check
    assert asked == [("a:b", "c:d", 3)]
