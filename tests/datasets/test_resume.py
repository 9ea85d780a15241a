import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_rewards.datasets.resume import ResumeError, SequenceLog, WorkLog, fingerprint
from s2r_rewards.rollouts.records import atomic_path, read_records, write_records

SETTINGS = {"k": 5, "model": "m"}
ROWS = st.lists(st.text(max_size=20), min_size=1, max_size=8)


@given(ROWS, st.data())
def test_a_log_cut_at_any_byte_goes_on_without_loss_or_repetition(texts, data):
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "out.jsonl"
        rows = {f"key-{i}": {"text": text} for i, text in enumerate(texts)}
        with WorkLog(output, SETTINGS) as log:
            for key, row in rows.items():
                log.add(key, row)
        whole = log.path.read_bytes()
        cut = data.draw(st.integers(0, len(whole)))
        log.path.write_bytes(whole[:cut])
        with WorkLog(output, SETTINGS) as again:
            assert len(again) == max(0, whole[:cut].count(b"\n") - 1)
            for key, row in rows.items():
                if key not in again:
                    again.add(key, row)
            assert list(again.rows(rows)) == list(rows.values())
        assert again.path.read_bytes() == whole


@given(ROWS, st.data())
def test_a_sequence_cut_at_any_byte(texts, data):
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "out.jsonl"
        with SequenceLog(output, SETTINGS) as log:
            log.append(texts)
        whole = log.path.read_bytes()
        log.path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
        with SequenceLog(output, SETTINGS) as again:
            assert list(again.rows()) == texts[: again.count]
            again.append(texts[again.count :])
            assert list(again.rows()) == texts


def test_finished_work_is_recognised_and_other_settings_are_refused(tmp_path):
    output = tmp_path / "out.jsonl"
    with WorkLog(output, SETTINGS) as log:
        log.add("a", 1)
        output.write_text("done")
        log.finish({"n": 1})
    assert not log.path.exists()
    again = WorkLog(output, SETTINGS)
    assert again.complete
    assert again.summary() == {"n": 1}
    with pytest.raises(ResumeError, match="k: was 5, now 6"):
        WorkLog(output, {**SETTINGS, "k": 6})
    with WorkLog(output, {**SETTINGS, "k": 6}, restart=True) as fresh:
        assert len(fresh) == 0
        assert output.read_text() == "done"  # until the new one takes its place


def test_killed_between_output_and_receipt(tmp_path):
    output = tmp_path / "out.jsonl"
    with WorkLog(output, SETTINGS) as log:
        log.add("a", 1)
        output.write_text("done")
    with WorkLog(output, SETTINGS) as again:
        assert not again.complete
        assert "a" in again


def test_a_strange_file_is_not_overwritten(tmp_path):
    output = tmp_path / "out.jsonl"
    output.write_text("mine")
    with pytest.raises(ResumeError, match="was not written by this command"):
        WorkLog(output, SETTINGS)
    assert output.read_text() == "mine"


def test_a_piece_is_stored_once(tmp_path):
    with WorkLog(tmp_path / "o.jsonl", SETTINGS) as log:
        log.add("a", 1)
        with pytest.raises(ValueError, match="already there"):
            log.add("a", 2)


def test_atomic_path_leaves_the_old_file_on_an_error(tmp_path):
    path = tmp_path / "x.json"
    path.write_text("old")

    def fail():
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(1))
    assert path.read_text() == "1"


def test_fingerprint_follows_the_contents(tmp_path):
    one, two = tmp_path / "1", tmp_path / "2"
    one.write_text("a" * 3_000_000)
    two.write_text("a" * 3_000_000)
    assert fingerprint(one) == fingerprint(two)
    two.write_text("a" * 2_999_999 + "b")
    assert fingerprint(one) != fingerprint(two)


def test_a_run_that_came_to_nothing_binds_nobody(tmp_path):
    output = tmp_path / "out.jsonl"
    with WorkLog(output, SETTINGS):
        pass
    with WorkLog(output, {**SETTINGS, "model": "the right one"}) as log:
        log.add("a", 1)
    with pytest.raises(ResumeError, match="model: was 'the right one', now 'm'"):
        WorkLog(output, SETTINGS)


def grown(output, k, finish=True):
    """One command that wants k pieces; returns the keys that it had to make."""
    keys = {"extent": ("k",), "key_of": lambda row: row["key"]}
    with WorkLog(output, {"k": k, "model": "m"}, **keys) as log:
        if log.complete:
            return None
        missing = [str(i) for i in range(k) if str(i) not in log]
        for key in missing:
            log.add(key, {"key": key})
        write_records(output, log.rows(map(str, range(k))))
        if finish:
            log.finish({})
    return missing


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_more_or_less_of_it_goes_on_from_what_is_there(tmp_path, name):
    output = tmp_path / name
    assert grown(output, 3) == ["0", "1", "2"]
    assert grown(output, 3) is None
    assert grown(output, 4, finish=False) == ["3"]
    assert grown(output, 5) == ["4"]
    assert grown(output, 2) == []
    assert len(list(read_records(output))) == 2
