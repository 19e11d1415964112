"""The page in a real browser: it works from a file, without network, errors or markup of runs."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.report.html_runs import edit, whole_run
from tests.report.run_folders import write_affinity, write_run
from vtagml.commands.command import Command

pytestmark = pytest.mark.slow

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DRIVER = "chromedriver"
HOSTILE = '<img src=x onerror="window.hacked=1">'


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which(DRIVER)
    if found is None or driver is None:
        missing = f"no {DRIVER} or none of {', '.join(BROWSERS)} is installed"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(found)
    for each in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(each)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # With its path given, selenium asks no server for a driver.
    opened = webdriver.Chrome(options=options, service=Service(str(driver)))
    yield opened
    opened.quit()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of two runs, of which the second is unfinished."""
    folder = tmp_path_factory.mktemp("page")
    whole_run(folder / "first")
    (whole_run(folder / "second", seed=1) / "metrics.json").unlink()
    Command("report")(
        [str(folder / "first"), str(folder / "second"), "--html", "--out", str(folder / "made")]
    )
    return folder / "made" / "report.html"


@pytest.fixture
def shown(browser: Any, page: Path) -> Iterator[Any]:
    """The browser with the page; whatever the test did, nothing may be complained of."""
    browser.get_log("performance")
    browser.get(page.as_uri())
    yield browser
    assert browser.get_log("browser") == []


def texts(browser: Any, selector: str) -> list[str]:
    script = "return [...document.querySelectorAll(arguments[0])].map((each) => each.textContent)"
    return browser.execute_script(script, selector)


def click(browser: Any, selector: str, text: str) -> None:
    script = (
        "[...document.querySelectorAll(arguments[0])]"
        ".find((each) => each.textContent === arguments[1]).click()"
    )
    browser.execute_script(script, selector, text)


def choose(browser: Any, selector: str) -> str:
    """Takes the second choice of a field, and returns what it is called."""
    script = (
        "const field = document.querySelector(arguments[0]); field.value = 1;"
        "field.dispatchEvent(new Event('change')); return field.selectedOptions[0].textContent"
    )
    return browser.execute_script(script, selector)


def requests(browser: Any) -> list[str]:
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]


def test_nothing_is_loaded_but_the_file(shown: Any, page: Path) -> None:
    found = {url for url in requests(shown) if not url.startswith("data:")}
    assert found == {page.as_uri()}


def test_all_parts_are_there(shown: Any) -> None:
    assert texts(shown, "h2") == [
        "Results",
        "Curves",
        "Affinities",
        "Gradient conflicts",
        "Predictions",
        "Parameters",
        "Config and provenance",
    ]
    assert texts(shown, "#conflicts tbody tr") == ["segmentation · depth25.000.00"]
    assert texts(shown, "#parameters [aria-label=Roles] tbody td") == ["3", "12", "–"]
    # One curve of each run.
    assert (
        shown.execute_script(
            "return document.querySelector('.plot').querySelectorAll('path').length"
        )
        == 2
    )


def test_the_headline_of_each_task_is_bold(shown: Any) -> None:
    rows = texts(shown, ".metrics tbody tr")
    bold = texts(shown, ".metrics tr.headline")
    assert 0 < len(bold) < len(rows)
    assert bold[0] == rows[0]


def test_the_slider_changes_the_matrices(shown: Any) -> None:
    slide = (
        "const slider = document.querySelector('input[type=range]'); slider.value = arguments[0];"
        "slider.dispatchEvent(new Event('input')); return slider.getAttribute('aria-valuetext')"
    )
    # Rows are sources: of [target][source] the second target's first source stands above right.
    assert texts(shown, "[data-matrix=ω] td:not(.corner)") == ["0.75", "0.13", "0.25", "0.88"]
    assert shown.execute_script(slide, "0") == "step 10"
    assert texts(shown, "[data-matrix=ω] td:not(.corner)") == ["0.50"] * 4
    assert texts(shown, "[data-matrix=S] td:not(.corner)") == ["1.00", "−0.50", "–", "1.00"]
    assert texts(shown, "output") == ["step 10"]


def test_a_click_switches_the_task(shown: Any) -> None:
    alts = "return [...document.querySelectorAll('#predictions img')].map((each) => each.alt)"
    assert shown.execute_script(alts) == ["Images, truth and prediction: test, depth"]
    click(shown, "#predictions button", "segmentation")
    assert shown.execute_script(alts) == ["Images, truth and prediction: test, segmentation"]
    choose(shown, "#predictions select")
    assert texts(shown, "#predictions button") == ["test", "val epoch 003"]
    click(shown, "#predictions button", "val epoch 003")
    assert shown.execute_script(alts) == ["Images, truth and prediction: all tasks, val epoch 003"]
    assert shown.execute_script("return document.querySelector('#predictions img').naturalWidth")


def test_the_legend_switches_lines(shown: Any) -> None:
    lines = "return document.querySelector('.plot').querySelectorAll(':scope > path').length"
    before = shown.execute_script(lines)
    click(shown, ".panel .legend button", "first")
    assert shown.execute_script(lines) == before - 1
    click(shown, ".panel .legend button", "first")
    assert shown.execute_script(lines) == before


def test_arrow_keys_read_values(shown: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    plot = shown.find_element("css selector", ".plot")
    plot.send_keys(Keys.ARROW_RIGHT)
    # 4 / step, at the steps 10 and 20.
    assert texts(shown, ".readout")[0] == "step 10first 0.4second 0.4"
    plot.send_keys(Keys.ARROW_RIGHT)
    assert texts(shown, ".readout")[0] == "step 20first 0.2second 0.2"
    plot.send_keys(Keys.ESCAPE)
    assert not shown.find_element("css selector", ".readout").is_displayed()


def test_hovering_reads_values(shown: Any) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    plot = shown.find_element("css selector", ".plot")
    ActionChains(shown).move_to_element_with_offset(plot, plot.size["width"] // 2 - 20, 0).perform()
    assert texts(shown, ".readout")[0] == "step 40first 0.1second 0.1"


def test_a_metric_is_chosen(shown: Any) -> None:
    assert choose(shown, ".panel select") == "depth"
    assert texts(shown, ".plot")


def test_another_run_is_chosen(shown: Any) -> None:
    choose(shown, "nav select")
    assert "unfinished or was never tested" in texts(shown, "#run .missing")[0]
    assert len(texts(shown, ".plot")) > 0


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out(shown: Any, width: int) -> None:
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    shown.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        found = shown.execute_script("return document.documentElement.scrollWidth")
    finally:
        shown.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert found <= width


def test_dark_and_light_differ(shown: Any) -> None:
    colours = set()
    for scheme in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        shown.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        script = "return getComputedStyle(document.body).backgroundColor"
        colours.add(shown.execute_script(script))
    shown.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert len(colours) == 2


def test_the_navigation_names_what_has_content(browser: Any, tmp_path: Path) -> None:
    whole_run(tmp_path / "whole")
    write_run(tmp_path / "bare", seed=1)
    write_affinity(tmp_path / "bare", ["a", "b"], [[1.0, 0.5], [0.5, 1.0]])
    runs = [str(tmp_path / name) for name in ("bare", "whole")]
    Command("report")([*runs, "--html", "--out", str(tmp_path / "made")])
    browser.get((tmp_path / "made" / "report.html").as_uri())
    # The curves are those of all runs.
    assert texts(browser, "nav li") == ["Results", "Curves", "Affinities", "Config"]
    choose(browser, "nav select")
    assert len(texts(browser, "nav li")) == 7


def test_a_hostile_run_does_nothing(browser: Any, tmp_path: Path) -> None:
    settings = {"model.init_args.decoders": "</script><script>window.hacked=1</script>"}
    folder = whole_run(tmp_path / HOSTILE, settings=settings)
    for name in ("metrics.json", "affinity.json"):
        file = folder / name
        text = file.read_text(encoding="utf-8").replace('"depth"', json.dumps(HOSTILE))
        file.write_text(text, encoding="utf-8")
    log = folder / "logs" / "version_0" / "metrics.csv"
    log.write_text(f"step,{HOSTILE.join(('train/', '/loss'))}\n1,2\n".replace('"', "'"))
    edit(folder / "parameters.json", lambda found: found["parts"][0].update(part=HOSTILE))
    Command("report")([str(folder), "--html", "--out", str(tmp_path / "made")])
    browser.get((tmp_path / "made" / "report.html").as_uri())
    assert browser.execute_script("return window.hacked") is None
    assert browser.execute_script("return document.querySelectorAll('img[src=x]').length") == 0
    assert HOSTILE in texts(browser, "#parameters tbody th")
    assert HOSTILE in texts(browser, "#affinities th")
    assert browser.get_log("browser") == []
