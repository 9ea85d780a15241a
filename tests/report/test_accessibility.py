"""axe-core looks at every view: desktop and phone, light and dark; and every view can be used by keyboard alone."""

import importlib.util
from pathlib import Path

import pytest

from s2r_rewards.report import render, render_runs
from s2r_rewards.rollouts import Rollout
from s2r_rewards.rollouts.scoring import score_rollouts
from s2r_rewards.testing import SHELF, solve

pytest.importorskip("selenium")
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

WIDE = "\\[ " + " + ".join(f"x_{{{i}}}" for i in range(60)) + " \\]"
TEX = "With $x = \\frac{1}{2}$ it is\n" + WIDE + "\nso \\boxed{5}."
#: view → what it is reached by; the page of two runs, and of one
SEVERAL = {"overview": "", "changes": "#changes", "problem": "#changes&pair=0"}
ONE = {
    "overview": "",
    "rollouts": "#rollouts",
    "none found": "#q=nothing-like-it",
    "rollout": "#r=1",
    "marked": "#q=2&r=3",
}
VIEWS = [*(("one", name) for name in ONE), *(("several", name) for name in SEVERAL)]


def rollouts(right, steps=(1, 2)):
    texts = [solve("5" if right else "4", TEX).verify("correct").end().text(), *(case.text for case in SHELF)]
    return score_rollouts(
        [
            Rollout(f"p{i}", "What is $2 + 3$?", text, "5", level=i % 3 + 1, step=step)
            for step in steps
            for i, text in enumerate(texts)
            for _ in range(2)
        ]
    )


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("axe")
    falling = [*rollouts(True, (1,)), *rollouts(False, (2,))]
    falling += score_rollouts(
        [Rollout("w", "2 + 3?", solve("4").verify("correct").end().text(), "5", step=2) for _ in range(200)]
    )
    html = {"one": render(falling, "one"), "several": render_runs({"a": rollouts(False), "b": rollouts(True)}, "two")}
    assert 'class="alarm"' in html["one"]
    for name, page in html.items():
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def axe():
    """The source of axe-core, which axe-playwright-python carries; Playwright itself is not needed."""
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None:
        pytest.skip("needs axe-core: pip install --no-deps axe-playwright-python")
    return Path(found.origin).with_name("axe.min.js").read_text(encoding="utf-8")


def violations(browser, options):
    """Rule → the elements that break it, of those that axe calls serious or critical."""
    found = browser.execute_cdp_cmd(
        "Runtime.evaluate",
        {
            "expression": f"axe.run(document, {options}).then((r) => r.violations.map("
            "(v) => [v.impact, v.id, v.nodes.map((n) => n.html.slice(0, 160) + ' ' + n.failureSummary)]))",
            "awaitPromise": True,
            "returnByValue": True,
        },
    )
    return {rule: nodes for impact, rule, nodes in found["result"]["value"] if impact in ("serious", "critical")}


@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_serious(show, pages, axe, width):
    found = {}
    for page, view in VIEWS:
        hash_ = (ONE if page == "one" else SEVERAL)[view]
        browser = show(pages / f"{page}.html", hash_, width=width, height=900)
        browser.execute_script("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        # Through the debugger, since the page's policy lets no foreign script in.
        browser.execute_cdp_cmd("Runtime.evaluate", {"expression": axe})
        found[page, view, "light"] = violations(browser, "{ resultTypes: ['violations'] }")
        dark = [{"name": "prefers-color-scheme", "value": "dark"}]  # of which only the colours differ
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": dark})
        found[page, view, "dark"] = violations(browser, "{ runOnly: ['color-contrast', 'link-in-text-block'] }")
    assert not {view: broken for view, broken in found.items() if broken}


def test_axe_would_find_something(show, pages, axe):
    browser = show(pages / "one.html", "#r=1")
    browser.execute_script(
        "const b = document.createElement('button'); b.style.cssText = 'color: #999; background: #aaa'; document.body.append(b);"
        "document.querySelector('h1').style.color = '#ddd';"
    )
    browser.execute_cdp_cmd("Runtime.evaluate", {"expression": axe})
    assert {"button-name", "color-contrast"} <= violations(browser, "{}").keys()


def tab_to(browser, wanted, most=60):
    """Press Tab until the focus is on an element that fits; returns it."""
    for _ in range(most):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        focused = browser.switch_to.active_element
        # What has the focus is in sight and marked.
        assert focused.is_displayed(), focused.get_attribute("outerHTML")[:200]
        assert focused.value_of_css_property("outline-style") != "none", focused.get_attribute("outerHTML")[:200]
        if wanted(focused):
            return focused
    raise AssertionError("Tab never came to it")


@pytest.mark.parametrize("width", [1280, 390])
def test_every_view_by_keyboard_alone(show, pages, until, width):
    """From the top of the overview to a rollout, its samples and its LaTeX, back, and to the other views."""
    browser = show(pages / "one.html", width=width)
    tab_to(browser, lambda one: one.get_attribute("href").endswith("#main"), most=1).send_keys(Keys.ENTER)
    assert browser.switch_to.active_element.get_attribute("id") == "main"
    tab_to(browser, lambda one: "rollout" in one.text).send_keys(Keys.ENTER)  # what an alarm points at
    until("#detail h2", "Rollout")
    browser.find_element(By.TAG_NAME, "body").send_keys(Keys.ESCAPE)
    tab_to(browser, lambda one: one.get_attribute("id") == "q").send_keys("2 +")
    until("#count", "248 of 248")
    tab_to(browser, lambda one: one.get_attribute("id") == "list").send_keys(Keys.HOME)
    until("#detail h2", "Rollout 1")
    if width > 760:  # the list is beside the rollout
        browser.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
        until("#detail h2", "Rollout 2")
    tab_to(browser, lambda one: one.get_attribute("id") == "latex").send_keys(Keys.SPACE)
    until("article.solve .text", "$x = ")
    summary = tab_to(browser, lambda one: one.tag_name == "summary")
    summary.send_keys(Keys.ENTER)
    assert browser.find_element(By.CSS_SELECTOR, ".siblings table").is_displayed()


@pytest.mark.parametrize("name", ["one", "several"])
def test_tables_stay_short_on_a_phone(show, pages, name):
    """A column of words that is squeezed to one word a line makes a table of thousands of pixels."""
    browser = show(pages / f"{name}.html", width=390)
    tall = browser.execute_script(
        "document.querySelectorAll('details').forEach((one) => { one.open = true; });"
        "return [...document.querySelectorAll('#overview .scroll tr')].filter((row) => row.clientHeight > 100)"
        ".map((row) => row.textContent);"
    )
    assert not tall


def test_every_view_fits_the_narrowest_phone(show, pages):
    """320 px: what WCAG 1.4.10 asks for, as a page at 400 % on a screen of 1280."""
    for page, view in VIEWS:
        browser = show(pages / f"{page}.html", (ONE if page == "one" else SEVERAL)[view], width=320)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 320, (page, view)
