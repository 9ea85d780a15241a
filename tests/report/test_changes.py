"""Two runs side by side in a real Chromium."""

import pytest

from s2r_rewards.report import render_runs
from s2r_rewards.rollouts import Rollout
from s2r_rewards.rollouts.scoring import score_rollouts
from s2r_rewards.testing import solve

pytest.importorskip("selenium")
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

RIGHT, WRONG = solve("5").verify("correct").end().text(), solve("4").verify("correct").end().text()
#: right samples of four, of each run, per problem; c has not met the last
ACCURACY = {"p": (4, 1, 2), "q": (0, 4, 2), "r": (2, 2, 2), "s": (1, 0, None)}


def rollouts_of(run):
    return score_rollouts(
        [
            Rollout(name, f"What is {name}?", RIGHT if i < right[run] else WRONG, "5", level=1, step=step)
            for step in (1, 2)
            for name, right in ACCURACY.items()
            if right[run] is not None
            for i in range(4)
        ]
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("changes") / "runs.html"
    runs = {name: rollouts_of(k) for k, name in enumerate(("first <run>", "b", "c"))}
    path.write_text(render_runs(runs, "three"), encoding="utf-8")
    return path


def texts(browser, selector):
    return [element.text for element in browser.find_elements(By.CSS_SELECTOR, selector)]


def problems(browser):
    return texts(browser, "#problems tbody th a")


def test_overview_of_several_runs(show, page):
    browser = show(page)
    assert texts(browser, "#runs tbody th") == ["first <run>", "b", "c"]
    assert texts(browser, "#figures tbody tr")[0] == "Final accuracy 0.438 0.438 +0.000 0.500 +0.062 better"
    assert texts(browser, "#changed tbody tr")[0].startswith(
        "b against first <run> 4 +0.000 ± 0.368 1 better 2 worse 1"
    )
    assert texts(browser, "#changed tbody tr")[1].startswith(
        "c against first <run> 3 +0.000 ± 0.289 1 better 1 worse 1"
    )
    assert texts(browser, "#curves .chart:first-child .legend li") == ["first <run> 0.44", "b 0.44", "c 0.50"]
    browser.find_elements(By.CSS_SELECTOR, "#runs tbody a")[1].click()
    assert texts(browser, "#count") == ["32 of 88"]
    assert not browser.get_log("browser")


def test_problems_in_each_order(show, page, until):
    browser = show(page, "#changes")
    assert problems(browser) == ["p", "s", "r", "q"]
    assert texts(browser, "#problem-count") == ["4 problems: 1 better, 2 worse"]
    assert texts(browser, "#problems tbody tr")[0].split("\n")[-1] == "−0.75 worse"
    assert problems(show(page, "#changes&order=best")) == ["q", "r", "s", "p"]
    assert problems(show(page, "#changes&order=name")) == ["p", "q", "r", "s"]
    assert problems(show(page, "#changes&order=answer"))[-1] in "rs"  # the answer that was confirmed is the same
    assert problems(show(page, "#changes&to=2")) == ["p", "r", "q"]  # c has not met s
    assert problems(show(page, "#changes&from=2&to=0")) == ["q", "r", "p"]
    browser.find_element(By.ID, "find").send_keys("what is q")
    until("#problem-count", "1 problems")
    assert "find=what" in browser.current_url


def test_a_click_shows_the_samples_of_both(show, page, until):
    browser = show(page, "#changes")
    browser.find_element(By.CSS_SELECTOR, "#problems tbody tr td").click()
    until("#pair h2", "Problem p")
    sides = browser.find_elements(By.CSS_SELECTOR, ".side")
    assert [side.accessible_name for side in sides] == ["Samples of first <run>", "Samples of b"]
    assert [len(side.find_elements(By.CSS_SELECTOR, ".sample")) for side in sides] == [4, 4]
    opened = [side.find_elements(By.CSS_SELECTOR, ".sample[open]") for side in sides]
    assert [["right" in one.text for one in side] for side in opened] == [[True], [False]]  # what changed
    assert "✗ wrong" in opened[1][0].find_element(By.CSS_SELECTOR, "article.solve").text
    sides[1].find_element(By.CSS_SELECTOR, ".sample:not([open]) summary").click()
    until(".side:last-child .sample:nth-of-type(2) article.solve", "✗ wrong")
    browser.back()
    assert problems(browser) == ["p", "s", "r", "q"]


def test_by_keyboard_alone(show, page, until):
    browser = show(page, "#changes")
    for _ in range(12):  # search, run, against, order, the table, its first problem
        browser.switch_to.active_element.send_keys(Keys.TAB)
        if browser.switch_to.active_element.text == "p":
            break
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    until("#pair h2", "Problem p")
    assert browser.switch_to.active_element.tag_name != "a"  # focus is not lost in what is hidden now
    body = browser.find_element(By.TAG_NAME, "body")
    for key, heading in (("j", "Problem s"), ("j", "Problem r"), ("k", "Problem s")):
        body.send_keys(key)
        until("#pair h2", heading)
    body.send_keys(Keys.ESCAPE)
    until("#problems", "problem")
    body.send_keys("/")
    assert browser.switch_to.active_element.get_attribute("id") == "find"


def test_search_survives_another_order_at_once(show, page, until):
    browser = show(page, "#changes")
    browser.execute_script(
        "const q = document.getElementById('find'), order = document.getElementById('order');"
        "q.value = 'what is q'; q.dispatchEvent(new Event('input'));"
        "order.value = 'best'; order.dispatchEvent(new Event('change'));"
    )
    until("#problem-count", "1 problems")
    assert "find=what" in browser.current_url
    assert "order=best" in browser.current_url


@pytest.mark.parametrize("hash_", ["", "#changes", "#changes&pair=0"])
def test_phone_does_not_scroll_sideways(show, page, hash_):
    browser = show(page, hash_, width=390, height=844)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390


def test_a_page_of_one_run_has_no_changes(show, tmp_path):
    path = tmp_path / "one.html"
    path.write_text(render_runs({"one": rollouts_of(0)}), encoding="utf-8")
    browser = show(path, "#changes")
    assert not browser.find_element(By.ID, "nav-changes").is_displayed()
    assert browser.find_element(By.ID, "overview").is_displayed()
    assert browser.find_element(By.ID, "run").is_displayed() is False


def test_an_alarm_leads_to_the_run_and_step_that_it_fired_at(show, tmp_path, until):
    def of(*texts):
        """One text a step, 150 times."""
        return score_rollouts(
            [Rollout(f"p{i}", "2 + 3?", text, "5", step=step) for step, text in enumerate(texts, 1) for i in range(150)]
        )

    path = tmp_path / "alarms.html"
    path.write_text(render_runs({"good": of(RIGHT, RIGHT), "bad": of(RIGHT, WRONG)}), encoding="utf-8")
    browser = show(path)
    link = browser.find_element(By.CSS_SELECTOR, "#alarms td a")
    assert link.text == "fired at step 2"
    link.click()
    until("#count", "150 of 600")
