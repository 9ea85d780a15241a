"""A real headless Chromium for the report; where there is none and none can be installed, its tests skip."""

import shutil

import pytest

CHROMIUM_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium: pip install selenium")
    binary = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if not binary or not driver:
        pytest.skip("needs Chromium and its driver: apt-get install -y chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*CHROMIUM_FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chromium = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield chromium
    chromium.quit()


@pytest.fixture
def show(browser):
    """Open a page afresh at a width, in a colour scheme; returns the browser."""

    def open_page(path, hash_="", width=1280, height=900, dark=False):
        browser.get("about:blank")
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        browser.get_log("browser")
        browser.get(f"file://{path}{hash_}")
        return browser

    return open_page


@pytest.fixture
def until(browser):
    """Wait until the first element of a selector shows a text."""

    def wait(selector, wanted):
        from selenium.common.exceptions import StaleElementReferenceException
        from selenium.webdriver.common.by import By
        from selenium.webdriver.support.ui import WebDriverWait

        def there(_):  # a row may be drawn anew between finding and reading it
            found = browser.find_elements(By.CSS_SELECTOR, selector)
            return bool(found) and wanted in found[0].text

        try:
            wait = WebDriverWait(browser, 60, poll_frequency=0.05, ignored_exceptions=(StaleElementReferenceException,))
            wait.until(there)
        except Exception:
            found = [element.text for element in browser.find_elements(By.CSS_SELECTOR, selector)]
            raise AssertionError(f"{selector}: expected {wanted!r}, found {found}") from None

    return wait
