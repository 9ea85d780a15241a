"""LaTeX in a real Chromium: what counts as a formula, how it is shown, and that hostile formulas do no harm."""

import hashlib
import json
from importlib.resources import files
from pathlib import Path

import pytest

from s2r_rewards.report import render
from s2r_rewards.rollouts import Rollout
from s2r_rewards.rollouts.scoring import score_rollouts
from s2r_rewards.testing import solve

pytest.importorskip("selenium")
from selenium.webdriver.common.by import By

CASES = json.loads((Path(__file__).parent / "latex_cases.json").read_text(encoding="utf-8"))
KATEX = files("s2r_rewards.report") / "assets" / "katex"
WORDS = (
    "From $x^2 = \\frac{1}{4}$ it is\n\\[ x = \\sqrt{\\frac{1}{4}} \\]\nand costs $5 and $6, so \\boxed{\\frac{1}{2}}."
)


def page_of(path, *texts, gold="\\frac{1}{2}"):
    rollouts = [
        Rollout(f"p{i}", "Solve $x^2 = \\frac14$.", solve("\\frac{1}{2}", text).verify("correct").text(), gold)
        for i, text in enumerate(texts)
    ]
    path.write_text(render(score_rollouts(rollouts)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return page_of(tmp_path_factory.mktemp("latex") / "report.html", WORDS)


def test_the_library_is_the_one_it_claims_to_be(page):
    digest = hashlib.sha256((KATEX / "katex.min.js").read_bytes()).hexdigest()
    assert digest in (KATEX / "README.md").read_text(encoding="utf-8")
    notice = (KATEX / "LICENSE").read_text(encoding="utf-8")
    assert "MIT License" in notice
    before, _, behind = page.read_text(encoding="utf-8").partition(notice)
    assert before.rindex("<!-- KaTeX") > before.rindex("<script")
    assert behind.startswith("-->\n<script>")


def test_what_counts_as_a_formula(show, page):
    browser = show(page, "#r=1")
    found = browser.execute_script("return arguments[0].map(piecesOf)", [words for words, _ in CASES])
    for (words, wanted), pieces in zip(CASES, found, strict=True):
        assert "".join(piece["text"] for piece in pieces) == words
        formulas = [("[]" if piece["display"] else "") + piece["tex"] for piece in pieces if "tex" in piece]
        assert formulas == wanted, words


def test_formulas_are_typeset(show, page):
    browser = show(page, "#r=1")
    math = browser.find_elements(By.CSS_SELECTOR, "article.solve .text math")
    assert len(math) == 3
    fraction = math[0].find_element(By.CSS_SELECTOR, "mfrac")
    top, bottom = fraction.find_elements(By.CSS_SELECTOR, "mn")
    assert (top.text, bottom.text) == ("1", "4")
    assert top.location["y"] + 5 < bottom.location["y"]  # it is drawn as a fraction
    assert "costs $5 and $6" in browser.find_element(By.CSS_SELECTOR, "article.solve .text").text
    assert browser.find_elements(By.CSS_SELECTOR, ".prompt .text mfrac")
    assert browser.find_elements(By.CSS_SELECTOR, ".prompt code mfrac")  # the golden answer
    assert browser.find_elements(By.CSS_SELECTOR, "article.solve .chip mfrac")  # the answer
    assert not browser.get_log("browser")


def test_alphabets_are_characters_of_their_own(show, page):
    """MathML Core has no mathvariant: without this, a browser shows ℝ as an italic R."""
    browser = show(page, "#r=1")
    shown = browser.execute_script(
        "return ['\\\\mathbb{R}', '\\\\mathbb{A}', '\\\\mathcal{L}', '\\\\mathfrak{g}', 'R'].map("
        "(tex) => typeset(tex, false).querySelector('mi').textContent)"
    )
    assert shown == ["ℝ", "𝔸", "ℒ", "𝔤", "R"]


def test_the_source_is_one_click_away(show, page, until):
    browser = show(page, "#r=1")
    button = browser.find_element(By.ID, "latex")
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    until("article.solve .text", "From $x^2 = \\frac{1}{4}$ it is")
    assert not browser.find_elements(By.CSS_SELECTOR, "math")
    assert browser.switch_to.active_element.get_attribute("aria-pressed") == "false"
    assert "tex=source" in browser.current_url
    browser.switch_to.active_element.click()
    until("article.solve .text mfrac", "1")


@pytest.mark.parametrize(
    ("search", "marks", "formulas"), [("sqrt", 1, 2), ("it is", 1, 3), ("^2 = \\frac{1}{4}$ it", 1, 0)]
)
def test_a_search_finds_the_source(show, page, search, marks, formulas):
    browser = show(page, "")
    browser.execute_script("location.hash = hashOf({ ...state, view: 'rollouts', q: arguments[0], r: 1 })", search)
    card = browser.find_element(By.CSS_SELECTOR, "article.solve .text")
    assert [mark.text.lower() for mark in card.find_elements(By.CSS_SELECTOR, "mark")] == [search] * marks
    assert len(card.find_elements(By.CSS_SELECTOR, "math")) == formulas


N = 1_990
HOSTILE = {
    "a script": "$\\href{javascript:document.title='owned'}{x}$ $\\url{javascript:alert(1)}$",
    "an image": "$\\includegraphics{http://127.0.0.1:9/x.png}$",
    "an element": "$\\htmlId{owned}{x}$ $\\htmlStyle{position:fixed}{x}$ $\\text{<img id=owned src=x onerror=alert(1)>}$",
    "definitions that double": "$\\def\\d#1{#1#1}" + "\\d{" * 20 + "x" * 900 + "}" * 20 + "$",
    "a definition without an end": "$\\def\\x{\\x\\x}\\x$",
    "console": "$\\message{owned} \\show\\x$",
    "deep fractions": "$" + "\\frac{" * 240 + "x" + "}{y}" * 240 + "$",
    "deep roots": "$" + "\\sqrt{" * 280 + "x" + "}" * 280 + "$",
    "deep braces": "$" + "{" * 990 + "x" + "}" * 990 + "$",
    "deep scripts": "$x" + "^{x" * 490 + "}" * 490 + "$",
    "many cells": "$\\begin{matrix}" + "&" * 1_900 + "\\end{matrix}$",
    "many lines": "$\\begin{aligned}" + "\\\\" * 900 + "\\end{aligned}$",
    "operators": "$" + "\\operatorname{" * 30 + "x" * 1_000 + "}" * 30 + "$",
    "huge": "$\\rule{99999em}{99999em} \\kern{-99999em} x$",
    "many formulas": "$\\frac{a}{b}$ " * 1_400,
    "openers": "$" * 9_000 + "\\(" * 3_000 + "\\[" * 2_000,
    "openers without an end": "\\( " * 6_000,
    "boxes without an end": "\\boxed{" * 2_800,
    "lone surrogate": "$\ud800$",
    "wrong": "$\\frac{1}{$ $\\nosuchcommand$ $}{$",
}


def test_hostile_formulas_do_no_harm(show, tmp_path):
    page = page_of(tmp_path / "hostile.html", *HOSTILE.values())
    browser = show(page, "#rollouts")
    for place, name in enumerate(HOSTILE, 1):
        took = browser.execute_script(
            "const start = performance.now(); location.hash = '#r=' + arguments[0]; update();"
            "document.body.getBoundingClientRect(); return performance.now() - start;",
            place,
        )
        assert took < 4_000, (name, took)  # a second on an idle machine
        assert "Rollout " + str(place) in browser.find_element(By.CSS_SELECTOR, "#detail h2").text
        assert browser.title.endswith("s2r report"), name
        assert not browser.find_elements(By.CSS_SELECTOR, "#owned, #detail img, #detail [style], #detail a[href^=j]"), (
            name
        )
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 1280, name
        assert not browser.get_log("browser"), name


def test_what_cannot_be_typeset_stays_as_it_was_written(show, tmp_path):
    page = page_of(tmp_path / "wrong.html", HOSTILE["wrong"] + " and $x$", HOSTILE["deep roots"])
    shown = show(page, "#r=1").find_element(By.CSS_SELECTOR, "article.solve .text")
    assert shown.text.startswith(HOSTILE["wrong"] + " and")
    assert len(shown.find_elements(By.CSS_SELECTOR, "math")) == 1
    assert show(page, "#r=2").find_element(By.CSS_SELECTOR, "article.solve .text").text.startswith("$\\sqrt{\\sqrt{")


def test_a_wide_formula_scrolls_in_its_place(show, tmp_path):
    page = page_of(tmp_path / "wide.html", "\\[ " + " + ".join(f"x_{{{i}}}" for i in range(100)) + " \\]")
    browser = show(page, "#r=1", width=390, height=844)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    formula = browser.find_element(By.CSS_SELECTOR, "article.solve .formula")
    assert formula.get_attribute("tabindex") == "0"  # by keyboard too
    assert browser.execute_script("return arguments[0].scrollWidth > arguments[0].clientWidth", formula)
