"""s2r score: rewards by hand, any file in and out, batches, resume, errors."""

import itertools
import json
import re

import pytest

from s2r_rewards.datasets.resume import SequenceLog
from s2r_rewards.rollouts import read_rollouts
from s2r_rewards.rollouts.records import read_records, write_records
from s2r_rewards.testing import ORACLE, assert_actions


def lines(path):
    return [record for _, record in read_records(path)]


def check_oracle(records):
    for record, case, baselines, advantages in zip(
        records, ORACLE.cases, ORACLE.context_baselines, ORACLE.context_advantages, strict=True
    ):
        scored = [action for action in record["s2r"]["actions"] if action["kind"] != "end"]
        assert_actions([action["reward"] for action in scored], case.rewards, case)
        assert_actions([action["baseline"] for action in scored], baselines, case, "baselines")
        assert_actions([action["advantage"] for action in scored], advantages, case, "advantages")
        assert record["s2r"]["outcome"] == case.outcome


def test_scores_by_step_with_the_oracles_figures(s2r, work):
    result = s2r("score", "rollouts.jsonl", "-o", "out.jsonl")
    assert result.exit_code == 0
    assert "10 rollouts scored → out.jsonl" in result.stderr
    records = lines(work / "out.jsonl")
    check_oracle(records[:5])
    check_oracle(records[5:])


@pytest.mark.parametrize("source", ["rollouts.jsonl", "rollouts.parquet"])
@pytest.mark.parametrize("target", ["out.jsonl", "out.jsonl.gz", "out.parquet"])
def test_all_formats_hold_the_same(s2r, work, source, target):
    assert s2r("score", source, "-o", target).exit_code == 0
    records = [record for _, record in read_records(target)]
    for record in records:
        if isinstance(record["s2r"], str):
            record["s2r"] = json.loads(record["s2r"])
    check_oracle(records[:5])
    result = s2r("stats", target, "--json")
    assert json.loads(result.stdout)["metrics"]["s2r/outcome/accuracy"] == pytest.approx(0.6)


def test_verl_dumps_are_understood_and_read_in_order_of_steps(s2r, work):
    assert s2r("score", "verl_dumps", "-o", "out.jsonl").exit_code == 0
    rollouts = list(read_rollouts("out.jsonl"))
    assert [rollout.step for rollout in rollouts] == [2] * 5 + [10] * 5
    assert rollouts[0].problem_id == rollouts[5].problem_id != rollouts[1].problem_id
    assert rollouts[0].extra == {"score": 1.0, "uid": "2-0_0_0"}


def test_a_null_gold_is_ungradable_a_missing_one_an_error(s2r, work):
    write_records("null.jsonl", [{"input": "2 + 3?", "output": "\\boxed{5}", "gts": None}])
    assert s2r("score", "null.jsonl", "-o", "out.jsonl").exit_code == 0
    (action,) = lines("out.jsonl")[0]["s2r"]["actions"]
    assert action["check"]["verdict"] == "ungradable"
    write_records("missing.jsonl", [{"input": "2 + 3?", "output": "\\boxed{5}"}])
    result = s2r("score", "missing.jsonl", "-o", "out.jsonl")
    assert result.exit_code == 2
    assert "field 'gold'" in result.stderr


def test_own_field_names(s2r, work):
    write_records("mine.jsonl", [{"p": "2 + 3?", "r": "It is \\boxed{5}.", "g": "5"}])
    assert s2r("score", "mine.jsonl", "-o", "out.jsonl", "--fields", "prompt=p,response=r,gold=g").exit_code == 0
    assert lines(work / "out.jsonl")[0]["s2r"]["outcome"] == 1.0


def test_batch_all_shares_baselines(s2r, work):
    """Two copies of the oracle in one batch: same context means as one, every count doubled."""
    s2r("score", "rollouts.jsonl", "-o", "out.jsonl", "--batch", "all")
    check_oracle(lines(work / "out.jsonl")[:5])
    s2r("score", "rollouts.jsonl", "-o", "one.jsonl", "--batch", "1")
    first = lines(work / "one.jsonl")[0]["s2r"]["actions"]
    assert [action["advantage"] for action in first if action["kind"] != "end"] == [0.0, 0.0]


@pytest.fixture
def killed(s2r, work):
    """Stops `s2r score rollouts.jsonl …` behind so many rollouts, in the middle of a line if there are more."""

    def run(kept, *arguments):
        class Killed(Exception):
            pass

        def stop(self):
            raise Killed

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(SequenceLog, "write", stop)
            assert isinstance(s2r("score", "rollouts.jsonl", *arguments).exception, Killed)
        (log,) = work.glob("*.work")
        rows = log.read_text().splitlines(keepends=True)
        log.write_text("".join(rows[: kept + 1]) + ('{"torn": ' if kept < 10 else ""))

    return run


@pytest.mark.parametrize("target", ["out.jsonl", "out.jsonl.gz", "out.parquet"])
@pytest.mark.parametrize("kept", [0, 3, 5, 7, 10])
def test_resume_gives_the_same_file(s2r, work, killed, target, kept):
    s2r("score", "rollouts.jsonl", "-o", f"whole-{target}")
    killed(kept, "-o", target)
    result = s2r("score", "rollouts.jsonl", "-o", target, "--resume")
    assert result.exit_code == 0, result.output
    assert lines(target) == lines(f"whole-{target}")
    assert f"resuming behind {kept} rollouts" in result.stderr
    assert not list(work.glob("*.work"))
    again = s2r("score", "rollouts.jsonl", "-o", target, "--resume")
    assert f"{target} is complete already" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--method", "released-prl"], "method: was 's2r-prl', now 'released-prl'"),
        (["--grammar", "tags"], "grammar: was None, now 'tags'"),
        (["--batch", "2"], "batch: was 'step', now '2'"),
        (["--checker", "s2r_rewards.answers:check"], "checker: was"),
    ],
)
def test_resume_refuses_other_settings(s2r, work, killed, arguments, named):
    killed(5, "-o", "out.jsonl")
    for _ in range(2):  # unfinished, then finished
        result = s2r("score", "rollouts.jsonl", "-o", "out.jsonl", "--resume", *arguments)
        assert result.exit_code == 2
        assert named in result.stderr
        assert "leave --resume away" in result.stderr
        assert s2r("score", "rollouts.jsonl", "-o", "out.jsonl", "--resume").exit_code == 0
    assert s2r("score", "rollouts.jsonl", "-o", "out.jsonl", *arguments).exit_code == 0
    write_records("rollouts.jsonl", lines("rollouts.jsonl")[:7])
    result = s2r("score", "rollouts.jsonl", "-o", "out.jsonl", "--resume", *arguments)
    assert "rollouts: was" in result.stderr


def test_resume_does_not_take_a_changed_file_for_a_finished_one(s2r, work):
    s2r("score", "rollouts.jsonl", "-o", "out.jsonl")
    write_records("out.jsonl", lines("out.jsonl")[:3])
    result = s2r("score", "rollouts.jsonl", "-o", "out.jsonl", "--resume")
    assert result.exit_code == 2
    assert "out.jsonl: changed since it was finished" in result.stderr


def test_bad_records(s2r, work):
    good = {"input": "2 + 3?", "output": "\\boxed{5}", "gts": "5"}
    (work / "bad.jsonl").write_text("\n".join([json.dumps(good), '{"input": "x"}', "not json", json.dumps(good)]))
    result = s2r("score", "bad.jsonl", "-o", "out.jsonl")
    assert result.exit_code == 2
    assert "bad.jsonl:2: field 'response'" in result.stderr
    result = s2r("score", "bad.jsonl", "-o", "out.jsonl", "--on-error", "skip")
    assert result.exit_code == 0
    assert "skipped 2 bad records" in result.stderr
    assert s2r("score", "bad.jsonl", "-o", "out.jsonl", "--skip-bad").exit_code == 0  # its name in 0.1
    assert len(lines(work / "out.jsonl")) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.jsonl", "-o", "x.jsonl"], "does not exist"),
        (["rollouts.jsonl", "-o", "x.jsonl", "--batch", "often"], "expected 'step', 'all' or a number"),
        (["rollouts.jsonl", "-o", "x.jsonl", "--fields", "prompt"], "expected pairs"),
        (["rollouts.jsonl", "-o", "x.csv"], "expected .jsonl, .jsonl.gz or .parquet"),
        (["rollouts.jsonl", "-o", "x.jsonl", "--method", "paper"], "unknown method 'paper'; expected one of"),
        (["rollouts.jsonl", "-o", "x.jsonl", "--baseline", "nowhere:B"], "cannot import 'nowhere'"),
        (["rollouts.jsonl", "-o", "x.jsonl", "--rewards", "s2r_rewards:METHODS"], "expected a function"),
    ],
)
def test_usage_errors_name_the_way_out(s2r, arguments, message):
    result = s2r("score", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.fixture
def word_tokenizer(tmp_path):
    """A real fast tokenizer whose tokens are words with the white space before them."""
    transformers = pytest.importorskip("transformers")
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    words = [*re.findall(r"\s*\S+", " ".join(case.text for case in ORACLE.cases)), "<unk>"]
    backend = Tokenizer(models.WordLevel({word: i for i, word in enumerate(dict.fromkeys(words))}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(r"\s*\S+"), "isolated")
    backend.decoder = decoders.Fuse()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, unk_token="<unk>", clean_up_tokenization_spaces=False
    )
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    return tokenizer


def test_token_spans_tile_the_tokens(s2r, work, word_tokenizer):
    ids = [word_tokenizer.encode(case.text, add_special_tokens=False) for case in ORACLE.cases]
    records = [
        {"prompt": "2 + 3?", "response": case.text, "gold": "5", "token_ids": tokens}
        for case, tokens in zip(ORACLE.cases, ids, strict=True)
    ]
    write_records("ids.jsonl", records)
    result = s2r("score", "ids.jsonl", "-o", "out.jsonl", "--tokenizer", "tokenizer")
    assert result.exit_code == 0, result.output
    for record, tokens in zip(lines("out.jsonl"), ids, strict=True):
        spans = [action["tokens"] for action in record["s2r"]["actions"]]
        assert spans[0][0] == 0
        assert spans[-1][1] == len(tokens)
        assert all(a[1] == b[0] for a, b in itertools.pairwise(spans))
        for action, (first, last) in zip(record["s2r"]["actions"], spans, strict=True):
            text = record["response"][action["start"] : action["end"]]
            assert word_tokenizer.decode(tokens[first:last]).strip() == text.strip()


def test_another_tokenizer_is_refused(s2r, work, word_tokenizer):
    write_records("ids.jsonl", [{"prompt": "?", "response": "so \\boxed{5}", "gold": "5", "token_ids": [0, 1]}])
    result = s2r("score", "ids.jsonl", "-o", "out.jsonl", "--tokenizer", "tokenizer")
    assert result.exit_code == 2
    assert "decode to another text" in result.stderr


def test_parquet_keeps_fields_that_begin_late(s2r, work):
    """Past the first thousand rows: a level, a step and an unknown field that no row before them has."""
    plain = {"prompt": "2 + 3?", "response": "\\boxed{5}", "gold": "5"}
    late = {**plain, "level": 3, "accuracy": 0.5, "note": "x"}
    write_records("long.jsonl", [plain] * 1500 + [late] * 10)
    assert s2r("score", "long.jsonl", "-o", "out.parquet").exit_code == 0
    rows = lines("out.parquet")
    assert len(rows) == 1510
    assert (rows[-1]["level"], rows[-1]["accuracy"], rows[-1]["note"]) == (3, 0.5, "x")
    assert rows[0]["level"] is None


def test_parquet_names_a_field_that_changes_its_type(s2r, work):
    rows = [{"prompt": "?", "response": "\\boxed{5}", "gold": "5", "level": level} for level in (1, "hard")]
    write_records("mixed.jsonl", [rows[0]] * 1100 + [rows[1]] * 1100)
    result = s2r("score", "mixed.jsonl", "-o", "out.parquet")
    assert result.exit_code == 2
    assert "a field changes its type" in result.stderr
    assert "level" in result.stderr
