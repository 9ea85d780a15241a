"""The page in a real Chromium: what it shows, how it is used, and that model output stays text."""

import time
from dataclasses import replace

import pytest

from s2r_rewards.methods import get_method
from s2r_rewards.report import Limits, render
from s2r_rewards.rollouts import Rollout
from s2r_rewards.rollouts.scoring import score_rollouts
from s2r_rewards.testing import ORACLE, SHELF, solve

pytest.importorskip("selenium")
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

HOSTILE = (
    "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    "{{data}} <!-- \u2028 \ud800 ]]> \\boxed{<b id=owned>5</b>}"
)


def shelf_rollouts(copies=1):
    cases = [case for case in SHELF for _ in range(copies)]
    return score_rollouts(
        [
            Rollout(
                f"problem-{i % len(SHELF)}",
                f"What is 2 + 3 (number {i})?",
                case.text,
                case.gold,
                level=i % 3 + 1,
                step=i % 2 + 1,
                finished=case.finished,
            )
            for i, case in enumerate(cases)
        ]
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render(shelf_rollouts(copies=20), "the shelf"), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def oracle_page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "oracle.html"
    rollouts = [
        Rollout(f"p{i}", "2 + 3?", case.script.end().text(), case.gold, level=i % 2)
        for i, case in enumerate(ORACLE.cases)
    ]
    path.write_text(render(score_rollouts(rollouts), "oracle"), encoding="utf-8")
    return path


def find(browser, selector):
    return browser.find_elements(By.CSS_SELECTOR, selector)


def text(browser, selector):
    return browser.find_element(By.CSS_SELECTOR, selector).text


def test_overview_shows_the_oracles_figures(show, oracle_page):
    browser = show(oracle_page)
    tiles = {
        tile.find_element(By.TAG_NAME, "dt").text: tile.find_element(By.TAG_NAME, "b").text
        for tile in find(browser, ".tile")
    }
    assert tiles["Final accuracy"] == "0.600"
    assert tiles["Verification accuracy"] == "0.667"
    assert tiles["Error recall"] == "0.600"
    assert tiles["Incorrect → correct"] == "0.333"
    assert tiles["Attempts"] == "1.80"
    rows = [row.text.split() for row in find(browser, "#contexts tbody tr")]
    assert rows[0] == ["first", "attempt", "solve", "5", "−0.200"]
    wrong = next(row for row in rows if row[:2] == ["wrong", "attempt"] and row[2] == "−")
    assert wrong[3:] == ["verify", "3", "+0.333"]
    assert "None of 12 fired." in text(browser, "#alarms")
    assert not browser.get_log("browser")


def test_rollout_shows_verdict_truth_and_numbers(show, oracle_page):
    browser = show(oracle_page, "#r=4")
    cards = [card.text for card in find(browser, "article.action")]
    assert len(cards) == 7
    assert "Verification 1" in cards[1]
    assert "says incorrect" in cards[1]
    assert "✗ untrue: the attempt is right" in cards[1]
    assert "advantage\n−1\n" in cards[1] or "advantage\n−1" in cards[1]
    assert "baseline\n−0.2" in cards[0]
    assert "advantage\n+1.2" in cards[0]
    assert "✓ right" in cards[0]
    assert find(browser, "article.solve")[0].value_of_css_property("border-left-color") != find(
        browser, "article.verify"
    )[0].value_of_css_property("border-left-color")


def test_filters_search_and_address(show, page):
    browser = show(page, "#rollouts")
    assert text(browser, "#count") == "220 of 220"
    options = {option.get_attribute("value"): option for option in find(browser, "#flag option")}
    options["right_to_wrong"].click()
    wait_for(browser, "#count", "20 of 220")
    assert "flag=right_to_wrong" in browser.current_url
    address = browser.current_url
    show(page, address[address.index("#") :])
    assert text(browser, "#count") == "20 of 220"
    browser.find_element(By.ID, "reset").click()
    wait_for(browser, "#count", "220 of 220")
    browser.find_element(By.ID, "q").send_keys("number 17)")
    wait_for(browser, "#count", "1 of 220")
    find(browser, ".row")[0].click()
    wait_for(browser, "#detail mark", "number 17)")
    assert [mark.text for mark in find(browser, "#detail mark")] == ["number 17)"]


@pytest.mark.parametrize(
    ("hash_", "count"),
    [("#level=1", 74), ("#step=2", 110), ("#dev=no_end", 20), ("#flag=wrong_verdict", 100), ("#level=1&step=2", 37)],
)
def test_each_filter_counts(show, page, hash_, count):
    assert text(show(page, hash_), "#count") == f"{count} of 220"


def test_keyboard(show, page):
    browser = show(page, "#rollouts")
    body = browser.find_element(By.TAG_NAME, "body")
    for key, heading in (("j", "Rollout 1"), ("j", "Rollout 2"), ("k", "Rollout 1"), ("n", "Rollout 41")):
        body.send_keys(key)
        wait_for(browser, "#detail h2", heading)
    chosen = browser.find_element(By.ID, "list")
    chosen.send_keys(Keys.END)
    wait_for(browser, "#detail h2", "Rollout 220")
    assert chosen.get_attribute("aria-activedescendant") == "row-220"
    body.send_keys("/")
    assert browser.switch_to.active_element.get_attribute("id") == "q"
    browser.switch_to.active_element.send_keys("j")
    wait_for(browser, "#count", "0 of 220")


def test_back_button_of_the_browser_returns(show, page):
    browser = show(page, "#rollouts")
    find(browser, ".row")[2].click()
    wait_for(browser, "#detail h2", "Rollout 3")
    browser.back()
    first = text(browser, "#detail h2")
    assert first not in ("Rollout 3", "Rollout 1")  # one that corrects itself, as none is chosen
    assert "wrong → right" in [chip.text for chip in find(browser, ".chips .chip")]


def test_long_list_draws_only_what_is_in_sight(show, tmp_path):
    path = tmp_path / "long.html"
    path.write_text(render(shelf_rollouts(copies=400)), encoding="utf-8")
    browser = show(path, "#rollouts")
    assert text(browser, "#count") == "4,400 of 4,400"
    assert len(find(browser, ".row")) < 60
    browser.execute_script("document.getElementById('list').scrollTop = 62 * 4000")
    wait_for(browser, "#row-4005 b", "4005")


def test_hostile_output_stays_text(show, tmp_path):
    path = tmp_path / "hostile.html"
    rollouts = [
        Rollout(
            HOSTILE, HOSTILE, solve("5", HOSTILE).verify("correct", HOSTILE).text(), HOSTILE, level=HOSTILE, step=step
        )
        for step in (1, 2)
    ]
    path.write_text(render(score_rollouts(rollouts), HOSTILE), encoding="utf-8")
    for hash_ in ("", "#r=1", "#q=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E"):
        browser = show(path, hash_)
        assert browser.title.endswith("s2r report")
        assert not find(browser, "img, #owned")
        assert not browser.get_log("browser")
    browser = show(path, "#r=1")
    shown = browser.execute_script("return document.querySelector('article.solve .text').textContent.toWellFormed()")
    assert HOSTILE.replace("\ud800", "\ufffd") in shown


def test_policy_forbids_foreign_scripts_and_requests(show, page):
    browser = show(page)
    browser.execute_script(
        "const s = document.createElement('script'); s.textContent = \"document.title = 'ran'\"; document.head.append(s);"
        "const i = new Image(); i.src = 'http://127.0.0.1:9/x'; document.body.append(i);"
    )
    assert browser.title != "ran"
    refused = " ".join(entry["message"] for entry in browser.get_log("browser"))
    assert refused.count("Content Security Policy") == 2


@pytest.mark.parametrize("hash_", ["", "#rollouts", "#r=5"])
def test_phone_does_not_scroll_sideways(show, page, hash_):
    browser = show(page, hash_, width=390, height=844)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    if hash_ == "#r=5":
        assert not browser.find_element(By.ID, "list").is_displayed()
        find(browser, ".back")[0].click()
        wait_for(browser, "#list .row b", "1")  # a hidden element has no text


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("hash_", ["", "#r=4"])
def test_contrast_and_names(show, page, hash_, dark):
    """WCAG AA: 4.5 : 1 for text; every control has a name; one main, one h1."""
    browser = show(page, hash_, dark=dark)
    poor = browser.execute_script(CONTRAST)
    assert not poor, poor
    assert len(find(browser, "main")) == len(find(browser, "h1")) == 1
    unnamed = [
        e.get_attribute("outerHTML")
        for e in find(browser, "button, a, input, select, [role=listbox], [role=img]")
        if not e.accessible_name and e.is_displayed()
    ]
    assert not unnamed


def test_sample_says_so_and_links_to_what_it_holds(show, tmp_path):
    path = tmp_path / "sample.html"
    confirmed = Rollout("p", "2 + 3?", ORACLE.cases[2].text, "5")
    rollouts = shelf_rollouts(copies=100)[:1000] + score_rollouts([confirmed] * 100)
    rollouts = [replace(rollout, step=i // 1000) for i, rollout in enumerate(rollouts)]
    path.write_text(render(rollouts, "sample", Limits(rollouts=50)), encoding="utf-8")
    browser = show(path, "#rollouts")
    assert "a sample of 1,100" in text(browser, "#count")
    browser = show(path)
    assert "Figures cover all 1,100 rollouts" in text(browser, "#overview > .note")
    links = find(browser, ".alarm a")
    assert links
    links[0].click()
    wait_for(browser, "#detail h2", "Rollout 1001")


def wait_for(browser, selector, wanted):
    from selenium.common.exceptions import StaleElementReferenceException
    from selenium.webdriver.support.ui import WebDriverWait

    def there(_):  # a row may be drawn anew between finding and reading it
        found = find(browser, selector)
        return bool(found) and wanted in found[0].text

    try:
        WebDriverWait(browser, 60, poll_frequency=0.05, ignored_exceptions=(StaleElementReferenceException,)).until(
            there
        )
    except Exception:
        found = [element.text for element in find(browser, selector)]
        raise AssertionError(f"{selector}: expected {wanted!r}, found {found}") from None


CONTRAST = """
function luminance([r, g, b]) {
  const [x, y, z] = [r, g, b].map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
}
const parse = (color) => color.match(/[\\d.]+/g).map(Number);
function background(node) {
  for (let at = node; at; at = at.parentElement) {
    const color = parse(getComputedStyle(at).backgroundColor);
    if (color.length < 4 || color[3] > 0) return color;
  }
  return [255, 255, 255];
}
const poor = new Set();
for (const node of document.querySelectorAll("body *")) {
  const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
  if (!own || !node.offsetParent || node.disabled || node.closest("svg, script, .skip")) continue;
  const [a, b] = [luminance(parse(getComputedStyle(node).color)), luminance(background(node))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < 4.5) poor.add(`${node.tagName}.${node.className} ${ratio.toFixed(2)}`);
}
return [...poor];
"""


def test_repeated_deviations_are_counted(show, tmp_path):
    path = tmp_path / "stuffed.html"
    again = "Wait, let me recheck my solution.\n\n" * 3 + "Therefore, the answer is correct."
    rollouts = [Rollout("p", "2 + 3?", solve("5").verify("correct", again).text(), "5")] * 2
    path.write_text(render(score_rollouts(rollouts)), encoding="utf-8")
    browser = show(path, "#r=1")
    assert "repeated verification × 3" in [chip.text for chip in find(browser, ".chips .chip")]
    assert "repeated verification (2)" in [option.text for option in find(browser, "#dev option")]


def test_last_attempt_and_outcome_are_told_apart(show, tmp_path):
    """Right but cut off: a method of one's own gives −1, and the page says both."""
    path = tmp_path / "cut.html"
    rollout = Rollout("p", "2 + 3?", solve("5").verify("correct").text(), "5", finished=False)
    strict = replace(
        get_method("s2r-prl"), name="strict", outcome=lambda judged: 1.0 if judged.trajectory.ended else -1.0
    )
    path.write_text(render(score_rollouts([rollout], method=strict)), encoding="utf-8")
    browser = show(path, "#r=1")
    chips = [chip.text for chip in find(browser, ".chips .chip")]
    assert chips[:2] == ["✓ last attempt right", "outcome −1"]
    assert text(show(path, "#flag=right"), "#count") == "1 of 1"


def test_figures_lead_to_the_rollouts_behind_them(show, page):
    browser = show(page)
    browser.find_element(By.CSS_SELECTOR, "#levels th a").click()
    wait_for(browser, "#count", "74 of 220")
    for hash_, at_least in (("#rollouts&ctx=−", 40), ("#rollouts&since=2", 1)):
        count = int(text(show(page, hash_), "#count").split(" ")[0])
        assert at_least <= count < 220
    show(page).find_element(By.CSS_SELECTOR, "#checker tbody th a").click()
    wait_for(browser, "#count", " of 220")
    assert 0 < int(text(browser, "#count").split(" ")[0]) <= 220
    assert text(browser, "#more").startswith("checked as ")
    assert find(show(page), "#contexts tbody th a")
    assert find(show(page), "#deviations tbody th a")


def test_samples_of_a_problem_stand_side_by_side(show, tmp_path):
    """Three samples of one prompt: rewards as given, baselines and advantages of RLOO by hand."""
    path = tmp_path / "samples.html"
    scripts = (solve("5").verify("correct"), solve("4").verify("correct"), solve("5").verify("correct"))
    rollouts = [Rollout("p", "2 + 3?", script.end().text(), "5", step=1) for script in scripts]
    other = Rollout("q", "1 + 1?", solve("2").verify("correct").end().text(), "2", step=1)
    path.write_text(render(score_rollouts([*rollouts, other], method="s2r-orl")), encoding="utf-8")
    browser = show(path, "#r=1")
    browser.find_element(By.CSS_SELECTOR, ".siblings summary").click()
    rows = [row.text for row in find(browser, ".siblings tbody tr")]
    assert [row.split(" ")[:3] for row in rows] == [
        ["rollout", str(i), o] for i, o in ((1, "+1"), (2, "−1"), (3, "+1"))
    ]
    assert "0 → +1" in rows[0]
    assert "+1 → −2" in rows[1]
    assert not find(show(path, "#r=4"), ".siblings")


def test_what_was_typed_survives_another_filter_at_once(show, page):
    browser = show(page, "#rollouts")
    browser.execute_script(
        "const q = document.getElementById('q'), level = document.getElementById('level');"
        "q.value = 'number 7)'; q.dispatchEvent(new Event('input'));"
        "level.value = '2'; level.dispatchEvent(new Event('change'));"
    )
    wait_for(browser, "#count", "1 of 220")
    assert "q=number" in browser.current_url
    assert "level=2" in browser.current_url


def test_what_was_typed_survives_a_click_and_a_key_at_once(show, page):
    browser = show(page, "#rollouts")
    browser.execute_script(
        "const q = document.getElementById('q'); q.value = 'number 7)'; q.dispatchEvent(new Event('input'));"
        "document.querySelectorAll('.row')[2].click(); update();"
    )
    wait_for(browser, "#count", "1 of 220")
    assert browser.find_element(By.ID, "q").get_attribute("value") == "number 7)"
    assert "r=3" in browser.current_url
    browser.execute_script(
        "const q = document.getElementById('q'); q.value = 'number'; q.dispatchEvent(new Event('input'));"
        "location.hash = '#overview'; update();"
    )
    time.sleep(0.3)
    assert browser.find_element(By.ID, "overview").is_displayed()  # what was typed does not lead back


def test_a_wrong_attempt_says_so(show, tmp_path):
    path = tmp_path / "wrong.html"
    text_ = solve("4").verify("incorrect").solve("5").verify("correct").end().text()
    path.write_text(render(score_rollouts([Rollout("p", "2 + 3?", text_, "5")])), encoding="utf-8")
    browser = show(path, "#r=1")
    heads = [head.text for head in find(browser, ".action.solve header")]
    assert "✗ wrong" in heads[0]
    assert "✓ right" in heads[1]


def test_the_list_can_be_sorted(show, page):
    def lengths(order):
        show(page, f"#rollouts&sort={order}")
        return browser.execute_script("return shown.map(lengthOf)")

    browser = show(page, "#rollouts")
    assert lengths("longest") == sorted(lengths(""), reverse=True)
    assert lengths("shortest") == sorted(lengths(""))
