"""`s2r report --follow`: a real server on growing files, read by a real Chromium, over HTTP and by hand."""

import gzip
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from s2r_rewards.adapter.batch import batch_metrics
from s2r_rewards.cli.kit import finding
from s2r_rewards.cli.kit.finding import waiting_files
from s2r_rewards.report import render
from s2r_rewards.report.live import entries
from s2r_rewards.report.live.following import Following
from s2r_rewards.report.live.search import Search, expression
from s2r_rewards.report.live.server import Server
from s2r_rewards.report.live.tail import Tail
from s2r_rewards.report.parts import Rules, Workers
from s2r_rewards.rollouts import Rollout, write_rollouts
from s2r_rewards.rollouts.records import to_json
from s2r_rewards.rollouts.scoring import score_rollouts
from s2r_rewards.testing import SHELF, solve

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> {{data}} \ud800 \\boxed{<b id=owned>5</b>}"


def shelf_rollouts(copies=1):
    """Every case of the shelf so many times, at levels 1 to 3 and at steps 1 and 2 in turn."""
    cases = [case for case in SHELF for _ in range(copies)]
    return score_rollouts(
        [
            Rollout(
                f"problem-{i % len(SHELF)}", f"What is 2 + 3 (number {i})?", case.text, case.gold, level=i % 3 + 1,
                step=i % 2 + 1, finished=case.finished,
            )
            for i, case in enumerate(cases)
        ]
    )  # fmt: skip


def find(browser, selector):
    return browser.find_elements("css selector", selector)


def text(browser, selector):
    return find(browser, selector)[0].text


def wait_for(browser, selector, wanted, seconds=60, whole=False):
    """Until the first such element shows the text; read at once by the browser, as elements may be drawn anew."""
    read = "const node = document.querySelector(arguments[0]); return node ? node.innerText : ''"
    end = time.monotonic() + seconds
    while not _shows(found := browser.execute_script(read, selector), wanted, whole):
        assert time.monotonic() < end, f"{selector}: expected {wanted!r}, found {found!r}"
        time.sleep(0.05)


def _shows(found, wanted, whole):
    return found.strip() == wanted if whole else wanted in found


def lines_of(rollouts):
    return "".join(to_json(rollout.to_record()) + "\n" for rollout in rollouts)


def append(path, words):
    with open(path, "a", encoding="utf-8") as file:
        file.write(words)


class Run:
    """A followed file, and requests to its server."""

    def __init__(self, path, title="run", **settings):
        self.path = path
        self.following = Following(lambda: [path] if path.exists() else [], Rules(), tell=lambda line: None, **settings)
        self.server = Server(self.following, title)

    def start(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.server._reader.start()
        return self

    def look(self):
        with Workers(1) as workers:
            return self.following.look(workers)

    def get(self, path, host=None, method="GET", secret=None, parse=json.loads, **params):
        address = urlsplit(self.server.address)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        where = address.path if secret is None else f"/{secret}/"
        connection.request(method, f"{where}{path}?{urlencode(params)}", headers={"Host": host or address.netloc})
        reply = connection.getresponse()
        body = reply.read().decode()
        return reply.status, parse(body) if reply.headers["Content-Type"].startswith("application/json") else body

    def close(self):
        self.server.shutdown()
        self.server.close()


@pytest.fixture
def follow(tmp_path):
    runs = []

    def begin(rollouts=(), name="run.jsonl", **settings):
        path = tmp_path / name
        if rollouts:
            append(path, lines_of(rollouts))
        runs.append(Run(path, **settings))
        return runs[-1]

    yield begin
    for run in runs:
        if run.server._reader.is_alive():
            run.close()
        else:
            run.server.close()


def blocks(tail, again=False):
    return "".join(chunk.lines for chunk in tail.chunks(again))


def test_a_half_written_line_waits(tmp_path):
    path = tmp_path / "run.jsonl"
    tail = Tail(path)
    assert tail.changed() is None
    append(path, '{"a": 1}\n{"a": "é')
    assert tail.changed() == ""
    assert blocks(tail) == '{"a": 1}\n'
    assert tail.waiting == len('{"a": "é'.encode())
    append(path, '"}')  # whole, but for its newline
    assert tail.changed() == ""
    assert blocks(tail) == '{"a": "é"}'
    append(path, '\n{"a": 3}\n')
    assert blocks(tail).split() == ['{"a":', "3}"]
    assert tail.waiting == 0


def test_a_line_longer_than_a_block_is_read_as_one(tmp_path, monkeypatch):
    monkeypatch.setattr("s2r_rewards.report.live.tail.BLOCK", 16)
    path = tmp_path / "run.jsonl"
    long = json.dumps({"a": "x" * 100}) + "\n"
    append(path, '{"a": 1}\n' + long + '{"a": 2}\n' + long[:50])
    tail = Tail(path)
    tail.changed()
    found = [chunk.lines for chunk in tail.chunks(False)]
    assert "".join(found) == '{"a": 1}\n' + long + '{"a": 2}\n'
    assert tail.waiting == 50


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (lambda p: p.write_text('{"b": 1}\n'), "was cut from"),
        (lambda p: p.write_text('{"c": 1, "long": "longer than before"}\n{"c": 2}\n' + "\n" * 300), "was written anew"),
        (lambda p: (p.rename(p.with_suffix(".1")), p.write_text('{"d": 1}\n' * 9)), "was replaced"),
        (lambda p: p.write_text(p.read_text().replace('"x": 9', '"x": 8') + '{"e": 1}\n'), "was written anew"),
    ],
)
def test_what_happens_to_a_file_is_said_and_it_is_read_anew(tmp_path, happens, said):
    path = tmp_path / "run.jsonl"
    append(path, '{"a": 1}\n{"a": 2}\n' + "\n" * 300 + '{"x": 9}\n')
    tail = Tail(path)
    tail.changed()
    blocks(tail)
    happens(path)
    assert said in tail.changed()
    assert blocks(tail, again=True) == path.read_text()
    assert tail.changed() == ""
    assert blocks(tail) == ""


def test_compressed_files_are_read_whole_when_they_are(tmp_path):
    path = tmp_path / "run.jsonl.gz"
    whole = gzip.compress(b'{"a": 1}\n' * 1000)
    path.write_bytes(whole[:-20])
    tail = Tail(path)
    assert tail.changed() == ""
    assert list(tail.chunks(False)) == []
    assert "not whole yet" in tail.trouble
    path.write_bytes(whole)
    assert tail.changed() == "was written anew"
    assert blocks(tail, again=True).count("\n") == 1000
    assert not tail.trouble
    assert blocks(tail) == ""


def test_figures_are_those_that_a_trainer_logs(follow):
    """One function computes both: of each step and of all, whatever pieces the file comes in."""
    rollouts = shelf_rollouts(copies=3)
    run = follow()
    words = lines_of(rollouts)
    for start in range(0, len(words), 5_000):
        append(run.path, words[start : start + 5_000])
        run.look()
    found = run.following.figures
    parts = {None: found.overall, **found.steps}
    for step, sums in parts.items():
        logged = batch_metrics([r.s2r for r in rollouts if step in (None, r.step)])
        shared = {name: value for name, value in logged.items() if name in sums.metrics}
        assert len(shared) == len(sums.metrics)
        assert sums.metrics == pytest.approx(shared, nan_ok=True, abs=0)
    assert run.following.figures.overall.size == len(rollouts)


def test_a_file_that_begins_anew_replaces_its_rollouts(follow):
    run = follow(shelf_rollouts(copies=2))
    other = run.path.with_name("other.jsonl")
    append(other, lines_of(shelf_rollouts()))
    run.following._find = lambda: [run.path, other]
    run.look()
    before = run.following.figures.overall.size
    run.path.write_text(lines_of(shelf_rollouts()))
    assert run.look() > 0
    assert run.following.figures.overall.size == before * 2 // 3
    assert run.following.rows({})["count"] == before * 2 // 3
    assert "was cut from" in run.following.status()
    assert run.following.rollout(0) is None


def test_a_folder_is_followed_to_its_newest_stage(follow, tmp_path):
    run = follow()
    run.following._find = lambda: waiting_files(tmp_path)
    assert run.look() == 0
    for stage, copies in (("sft", 2), ("rl", 1)):
        (tmp_path / stage).mkdir()
        write_rollouts(tmp_path / stage / "1.jsonl", shelf_rollouts(copies))
        os.utime(tmp_path / stage / "1.jsonl", (copies * -9, copies * -9))
        assert run.look() == 11 * copies
        assert run.following.rows({})["count"] == run.following.figures.overall.size == 11 * copies
    write_rollouts(tmp_path / "rl" / "2.jsonl", shelf_rollouts())
    assert run.look() == 11
    assert run.following.figures.overall.size == 22
    assert "no part of the run any more" in run.following.status()


def test_files_that_stay_as_they_are_are_looked_into_once(tmp_path, monkeypatch):
    for step in (1, 2, 3):
        write_rollouts(tmp_path / f"{step}.jsonl", shelf_rollouts()[:1])
    opened = []
    real = finding.read_records
    monkeypatch.setattr(finding, "read_records", lambda path, *rest: opened.append(path.name) or real(path, *rest))
    for _ in range(3):
        assert len(waiting_files(tmp_path)) == 3
    append(tmp_path / "2.jsonl", lines_of(shelf_rollouts()[1:2]))
    assert len(waiting_files(tmp_path)) == 3
    assert sorted(opened) == ["1.jsonl", "2.jsonl", "2.jsonl", "3.jsonl"]


def test_bad_lines_are_left_out_and_counted(follow):
    run = follow(shelf_rollouts())
    append(run.path, 'no JSON\n{"prompt": 3}\n[1]\n')
    run.look()
    assert "3 bad records left out" in run.following.status()
    assert f"{run.path}:12" in run.following.status()
    assert run.following.rows({})["count"] == 11
    run.path.write_text(lines_of(shelf_rollouts()) + "no JSON\n")  # read anew, and counted anew
    run.look()
    assert "1 bad records left out" in run.following.status()


ODD = [
    {"level": ["algebra"]}, {"level": {"a": 1}}, {"step": {"e": 1}}, {"step": "ten"}, {"step": [1]}, {"step": 10**30},
    {"step": 1.5}, {"step": True}, {"level": float("nan")}, {"s2r": 5}, {"s2r": [1]}, {"s2r": {"actions": 3}},
    {"turns": {"role": 1}}, {"accuracy": {}}, {"problem_id": {"a": []}},
]  # fmt: skip


def test_an_odd_record_keeps_no_other_one_out(follow):
    """Each beside a good one; what it holds is counted as bad or shown, and the next look finds nothing new."""
    good = shelf_rollouts()[0].to_record()
    run = follow()
    for odd in ODD:
        append(run.path, json.dumps(good | odd) + "\n" + json.dumps(good) + "\n")
    append(run.path, json.dumps(good | {"step": "#"}).replace('"#"', "7" * 5_000) + "\n" + json.dumps(good) + "\n")
    run.look()
    shown, bad = run.following.figures.overall.size, next(iter(run.following._watched.values())).bad
    assert shown + bad == 2 * (len(ODD) + 1)
    assert bad >= 10
    assert run.look() == 0
    assert f"{shown} rollouts" in run.server.pages.document()


def test_a_record_that_fails_while_it_is_read_is_the_only_one_left_out(follow, monkeypatch):
    real = entries.add

    def fails(part, place, line, *rest):
        if line == 7:
            raise TypeError("odd")
        real(part, place, line, *rest)

    run = follow(shelf_rollouts())
    monkeypatch.setattr(entries, "add", fails)
    run.look()
    assert run.following.figures.overall.size == 10
    assert f"{run.path}:7: cannot be read (TypeError: odd)" in run.following.status()
    assert [row["i"] for row in run.following.rows({})["rows"]] == list(range(1, 11))


def test_reading_that_fails_again_and_again_ends(follow, monkeypatch):
    run = follow(shelf_rollouts(), pause=0.001)
    monkeypatch.setattr(run.following.index, "add", lambda *rest: 1 / 0)
    run.following.run()
    assert "reading has ended" in run.following.status()


def test_what_is_left_out_leaves_the_disk(follow):
    run = follow(shelf_rollouts(copies=2))
    run.look()
    shown = run.following.rollout(0)
    assert shown["rollout"]["i"] == 1
    run.path.write_text(lines_of(shelf_rollouts()[:3]))
    run.look()
    connection = run.following._connection
    assert connection.execute("SELECT n FROM texts").fetchall() == [(22,), (23,), (24,)]
    assert connection.execute("SELECT rowid FROM words WHERE words MATCH 'number'").fetchall() == [(22,), (23,), (24,)]
    assert run.following.rollout(0) is None
    assert run.following.index.load(connection, [0, 22])[0][0]["i"] == 23


def test_a_file_that_may_not_be_read_is_said_until_it_may(tmp_path, monkeypatch):
    path = tmp_path / "run.jsonl"
    append(path, '{"a": 1}\n')
    tail = Tail(path)

    def refuse(*rest):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as there:
        there.setattr("builtins.open", refuse)
        assert tail.changed() is None
    assert "Permission denied" in tail.trouble
    assert tail.changed() == ""
    assert not tail.trouble


def test_the_browser_is_not_told_the_secret(follow, monkeypatch):
    told = []
    monkeypatch.setattr("webbrowser.open", told.append)
    run = follow(shelf_rollouts())
    run.server.open()
    (uri,) = told
    assert uri.startswith("file://")
    assert run.server.secret not in uri
    path = Path(urlsplit(uri).path)
    assert run.server.address in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    run.server.close()
    assert not path.exists()


def test_places_are_those_of_the_whole_list(follow):
    run = follow(shelf_rollouts(copies=20))
    run.look()
    found = run.following.rows({"level": "2", "size": "5", "r": "200"})
    assert found["place"] == sum(r.level == 2 for r in shelf_rollouts(copies=20)[:199])
    assert len(found["rows"]) == 5
    assert run.following.rows({"level": "1", "r": "200"})["place"] is None


def test_unscored_rollouts_get_the_baselines_of_their_step(follow):
    scored = shelf_rollouts(copies=4)
    ordered = sorted(scored, key=lambda r: r.step)
    plain = [replace(r, s2r=None) for r in ordered]
    expected = [one for step in (1, 2) for one in score_rollouts([r for r in plain if r.step == step])]
    run = follow(plain)
    run.look()
    for number in (0, 7, len(plain) - 1):
        shown = run.following.rollout(number)["rollout"]
        record = expected[number].s2r
        actions = [action for action in shown["a"] if action["k"] != "end"]
        assert [a["A"] for a in actions] == pytest.approx([a.advantage for a in record.scored], abs=1e-4)
        assert [a["b"] for a in actions] == pytest.approx([a.baseline for a in record.scored], abs=1e-4)
        assert actions[-1].get("x", []) == list(record.rewards[: len(actions) - 1])


FILTERS = [
    {"flag": "wrong_verdict"}, {"flag": "right"}, {"flag": "wrong"}, {"dev": "no_end"}, {"level": "1"},
    {"level": "1", "step": "2"}, {"since": "2"}, {"until": "1"}, {"ctx": "−"}, {"ctx": "+−"},
    {"problem": "problem-3"}, {"q": "number 17)"}, {"q": "number 17"}, {"q": "umber 17"}, {"q": "boxed{"}, {"q": "2 + 3"},
    {"q": "zzz"}, {"q": "number 21", "level": "2"}, {"sort": "longest"}, {"sort": "shortest"}, {"sort": "attempts"},
    {"sort": "problem"}, {"check": "correct:string"}, {"flag": "timeout"}, {"level": "none"}, {"step": "9"},
]  # fmt: skip


def test_the_server_answers_as_the_page_does_by_itself(show, follow, tmp_path):
    """Every filter and order, here and in the script of a page that carries its rollouts. Words are searched whole or by
    their beginning, which is all that differs."""
    rollouts = shelf_rollouts(copies=20)
    page = tmp_path / "page.html"
    page.write_text(render(rollouts), encoding="utf-8")
    browser = show(page, "#rollouts")
    run = follow(rollouts)
    run.look()
    for wanted in FILTERS:
        browser.execute_script("location.hash = '#rollouts&' + arguments[0]; update();", urlencode(wanted))
        there = browser.execute_script("return shown.map((rollout) => rollout.i)")
        for _ in range(50):
            here = run.following.rows({**wanted, "size": "500"})
            if here["complete"]:
                break
        found = [row["i"] for row in here["rows"]]
        assert (found == there) if wanted != {"q": "umber 17"} else not found, wanted
        assert here["count"] == len(found)
        for row in here["rows"][:1]:
            one = browser.execute_script("return DATA.rollouts[arguments[0] - 1]", row["i"])
            assert row == {name: value for name, value in one.items() if name != "lower"}


@pytest.mark.parametrize(
    ("wanted", "asked"),
    [
        ("number 17", ('"number 17"*', False)),
        ("number 1", ('"number 1"', False)),
        ("number 175", ('"number 175"*', False)),
        ("number 17)", ('"number 17"', True)),
        ("\\boxed{1}", ('"boxed 1"', True)),
        ('say "hi" OR x*', ('"say hi OR x"', True)),
        ("答案", (None, True)),
        ("+ (", (None, True)),
        ("x_1", ('"x 1"', True)),
    ],
)
def test_what_the_index_is_asked(wanted, asked):
    assert expression(wanted) == asked


def test_what_is_no_word_is_found_as_well(follow):
    rollouts = [
        Rollout(f"p{i}", "问题" if i % 2 else "?", solve("5").text() + " §§" * (i == 3) + "答案是五" * (i > 5), "5")
        for i in range(9)
    ]
    run = follow(score_rollouts(rollouts))
    run.look()
    for wanted, numbers in (
        ("§§", [3]),
        ("案是", [6, 7, 8]),
        ("题", [1, 3, 5, 7]),
        ("'; DROP TABLE texts; --", []),
        ('"', []),
    ):
        found, complete = Search(run.following.index, wanted).numbers(10)
        assert found.tolist() == numbers, wanted
        assert complete


def test_a_search_that_is_read_while_it_runs_and_grows_finds_each_once(follow):
    rollouts = shelf_rollouts(copies=40)
    run = follow()
    search = Search(run.following.index, "number")
    for start in range(0, len(rollouts), 110):
        append(run.path, lines_of(rollouts[start : start + 110]))
        run.look()
        for _ in range(20):
            found = search.numbers(0.0005)[0].tolist()
            assert found == list(range(len(found)))
    search._upto = 100  # as if a run had broken off there
    found, complete = search.numbers(10)
    assert found.tolist() == list(range(len(rollouts)))
    assert complete


def test_strangers_are_refused(follow):
    run = follow(shelf_rollouts()).start()
    port = run.server.server_port
    assert run.get("state")[0] == 200
    for host in (
        "evil.example",
        f"evil.example:{port}",
        "127.0.0.1",
        f"127.0.0.1:{port + 1}",
        f"127.0.0.1.evil.example:{port}",
    ):
        assert run.get("state", host=host)[0] == 421
    for secret in ("", "x", run.server.secret[:-1], "..", run.server.secret + "/.."):
        assert run.get("state", secret=secret)[0] in (403, 404)
    assert run.get("state", method="POST")[0] == 501
    for path in ("rollout", "nothing", "../etc/passwd", "rows/x"):
        assert run.get(path)[0] == 404
    for wanted in ({"n": "0"}, {"n": "-1"}, {"n": "99999999999999999999"}):
        status, found = run.get("rollout", **wanted)
        assert status in (200, 404)
        assert status == 404 or found is None
    status, found = run.get("rows", size="-5", **{"from": "x"}, at="y", q="\U0001f4a9\x00", level="\x00")
    assert status == 200
    assert run.server.server_address[0] == "127.0.0.1"


def test_the_page_keeps_up(show, browser, follow):
    """Begun before the first rollout; then it grows, is searched, and shows what was written meanwhile."""
    run = follow(pause=0.1).start()
    show("/dev/null")
    browser.get(run.server.address)
    assert "waiting for the first" in text(browser, "#about")
    rollouts = shelf_rollouts(copies=10)
    append(run.path, lines_of(rollouts[:60]) + lines_of(rollouts[60:61])[:40])
    wait_for(browser, "#meta", "60 rollouts")
    wait_for(browser, "#about", "half-written last line")
    wait_for(browser, "#sections .tile dt", "Final accuracy")
    browser.find_element("id", "nav-rollouts").click()
    wait_for(browser, "#count", "60 of 60")
    append(run.path, lines_of(rollouts[60:61])[40:] + lines_of(rollouts[61:]))
    wait_for(browser, "#count", "110 of 110")
    browser.find_element("id", "q").send_keys("number 17)")
    wait_for(browser, "#count", "1 of 110", whole=True)
    find(browser, ".row")[0].click()
    wait_for(browser, "#detail mark", "number 17)")
    wait_for(browser, "#detail .siblings summary", "samples of this problem")
    browser.find_element("id", "reset").click()
    wait_for(browser, "#count", "110 of 110")
    options = {o.get_attribute("value"): o for o in find(browser, "#flag option")}
    options["right_to_wrong"].click()
    wait_for(browser, "#count", "10 of 110")
    browser.find_element("tag name", "body").send_keys("n")
    wait_for(browser, "#detail h2", "Rollout")
    browser.get("about:blank")
    browser.get(run.server.address + "#r=100")  # an address that was sent
    wait_for(browser, "#detail h2", "Rollout 100")
    wait_for(browser, "#list", "problem-9")
    assert find(browser, "#row-100[aria-selected=true]")
    assert [button.is_enabled() for button in find(browser, "#detail .bar-top button")[-2:]] == [True, True]
    browser.execute_script("list.scrollTop = 0")  # the rows around it are not in the page any more
    wait_for(browser, "#row-1", "problem-0")
    browser.find_element("tag name", "body").send_keys("k")
    wait_for(browser, "#detail h2", "Rollout 99")
    assert not [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    run.close()
    wait_for(browser, "#about", "The server does not answer")


def test_hostile_output_stays_text_when_served(show, browser, follow):
    rollouts = [
        Rollout(
            HOSTILE, HOSTILE, solve("5", HOSTILE).verify("correct", HOSTILE).text(), HOSTILE, level=HOSTILE, step=step
        )
        for step in (1, 2)
    ]
    run = follow(score_rollouts(rollouts), title=HOSTILE).start()
    show("/dev/null")
    for hash_ in ("", "#r=1", "#rollouts&q=" + "owned"):
        browser.get("about:blank")
        browser.get(run.server.address + hash_)
        wait_for(browser, "#meta", "2 rollouts")
        assert browser.title.endswith("s2r report")
        assert not find(browser, "img, #owned")
        assert not browser.get_log("browser")


def test_many_samples_are_counted_and_what_is_gone_is_said(show, browser, follow):
    run = follow(shelf_rollouts()[:1] * 70, pause=0.1).start()
    show("/dev/null")
    browser.get(run.server.address + "#r=70")
    wait_for(browser, "#detail .siblings summary", "64 of 70 samples of this problem")
    assert "64 of 70" in find(browser, "#detail .siblings .note")[0].get_attribute("textContent")
    run.path.write_text(lines_of(shelf_rollouts()[1:3]))
    wait_for(browser, "#meta", "2 rollouts")
    browser.get("about:blank")
    browser.get(run.server.address + "#r=70")
    wait_for(browser, "#detail", "Rollout 70 is not there any more")


def test_a_million_rows_can_be_scrolled(show, browser, follow, monkeypatch):
    """The browser's tallest element is shorter than that list: its end can be reached all the same."""
    run = follow(shelf_rollouts(copies=20))
    rows = run.following.rows

    def many(wanted):  # a million rows of 220 rollouts
        start = int(wanted.get("from", 0))
        found = [
            {**rows({"from": str((start + k) % 220), "size": "1"})["rows"][0], "i": start + k + 1} for k in range(40)
        ]
        return {"count": 1_000_000, "complete": True, "from": start, "rows": found[: 1_000_000 - start]}

    run.look()
    monkeypatch.setattr(run.following, "rows", many)
    run.start()
    show("/dev/null")
    browser.get(run.server.address + "#rollouts")
    wait_for(browser, "#count", "1,000,000 of 220")
    for share, number in ((1.0, 1_000_000), (0.5, 500_000)):
        browser.execute_script("list.scrollTop = arguments[0] * (list.scrollHeight - list.clientHeight)", share)
        for _ in range(200):
            shown_ = [
                int(n)
                for n in browser.execute_script(
                    "return [...document.querySelectorAll('#spacer .row b')].map((b) => b.textContent)"
                )
            ]
            if shown_ and min(shown_) <= number <= max(shown_) + 20 and max(shown_) > 400_000:
                break
            time.sleep(0.02)
        assert shown_
        assert abs(max(shown_) - number) < 60
        top = browser.execute_script(
            "const r = document.querySelectorAll('#spacer .row')[5].getBoundingClientRect(), l = list.getBoundingClientRect(); return [r.top - l.top, l.height]"
        )
        assert -200 < top[0] < top[1]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_and_leaves_nothing(tmp_path, how):
    path = tmp_path / "dumps" / "1.jsonl"
    path.parent.mkdir()
    write_rollouts(path, shelf_rollouts())
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    (tmp_path / "tmp").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "s2r_rewards", "report", str(path.parent), "--follow", "--no-browser"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # also where the tests run behind `&`
    )  # fmt: skip
    address = urlsplit(process.stdout.readline().strip())
    assert address.hostname == "127.0.0.1"
    for _ in range(100):
        connection = http.client.HTTPConnection(address.netloc, timeout=60)
        connection.request("GET", address.path + "state")
        state = json.loads(connection.getresponse().read())
        if state["total"] == 11:
            break
        time.sleep(0.1)
    assert state["total"] == 11
    assert list((tmp_path / "tmp").iterdir())
    process.send_signal(how)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert not list((tmp_path / "tmp").iterdir())


def test_no_figure_is_nan_in_json(follow):
    def fail(constant):
        raise AssertionError(f"{constant} is no JSON")

    run = follow(shelf_rollouts()[:1]).start()
    while not run.following.version:
        time.sleep(0.01)
    for path, wanted in (("state", {}), ("rows", {}), ("rollout", {"n": 1})):
        status, body = run.get(path, parse=str, **wanted)
        assert status == 200
        assert json.loads(body, parse_constant=fail)
