"""Each page does in a real browser what it promises, and asks nobody else for anything."""

import contextlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from every_notebook import browser
from every_notebook.series import NOTEBOOKS, ROOT
from pages import checks
from project.needed import needed

pytestmark = pytest.mark.proof

SERIES = [path.stem for path in NOTEBOOKS]
PAGES = [*SERIES, "index", "terms", "symptoms", "for_teachers", "search"]
# A fork may have no Chinese edition.
FOLDERS = ["", "zh/"] if (ROOT / "notebooks" / "zh" / NOTEBOOKS[0].name).exists() else [""]
IN_BOTH = [folder + name for folder in FOLDERS for name in SERIES]
# Each page is looked at by day on a desk and by night on a telephone, a Chinese one by either.
LOOKS = [("light", 1280), ("dark", 360)]
LOOKED_AT = [(name, *look) for name in PAGES for look in LOOKS]
LOOKED_AT += [
    (folder + name, *LOOKS[k % 2]) for folder in FOLDERS[1:] for k, name in enumerate(PAGES, 1)
]
# What somebody looks for, and a page that has it: in prose, in code, in a term, in two languages.
SEARCHES = [
    ("backtracking", "01_computation_graph"),
    ("zero_grad", "04_fashion_mnist_pipeline"),
    ("collinearity", "terms"),
    ("梯度", "terms"),
    ("gradient none", "symptoms"),
]
CHINESE_SEARCHES = [
    ("反向传播", "01_computation_graph"),
    ("条件数", "02_ols_and_ridge"),
    ("学习率", "03_gradient_descent"),
    ("过拟合", "04_fashion_mnist_pipeline"),
    ("岭回归", "terms"),
    ("softmax 学习率", "05_debugging_clinic"),
]
# Words that stand nowhere, though the half of each does.
NOT_FOUND = ["梯度消失", "softmax 量子"]
CHINESE = pytest.mark.skipif(len(FOLDERS) < 2, reason="there is no Chinese edition")
FRAME = ".frame:visible"
FOUND = "#search-results li a"


@pytest.fixture(scope="module")
def served(site):
    """The site behind Python's own bare server, and a browser."""
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    with subprocess.Popen(
        [*command, "--directory", str(site)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as server:
        try:
            port = re.search(rb"port (\d+)", server.stdout.readline())[1].decode()
            with browser.launch() as chromium:
                yield chromium, f"http://127.0.0.1:{port}/"
        finally:
            server.terminate()


@contextlib.contextmanager
def opened(served, name, scheme="light", width=1280, **options):
    """Open a page; whatever it asks of another host, or complains of, fails the test."""
    chromium, base = served
    size = {"width": width, "height": 900}
    context = chromium.new_context(viewport=size, color_scheme=scheme, **options)
    page = context.new_page()
    page.set_default_timeout(browser.ONE_STEP * 1000)
    page.asked, page.said = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("console", lambda line: page.said.append(line.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    try:
        page.goto(f"{base}{name}.html", wait_until="load")
        yield page
        assert foreign(page, base) == []
        assert page.said == []
    finally:
        context.close()


def foreign(page, base: str) -> list[str]:
    return [url for url in page.asked if not url.startswith((base, "data:", "blob:"))]


def complaints_of_axe(page, colours: bool = True) -> list[str]:
    """Return what axe finds in a page as it is shown; contrasts take it most of the time."""
    package = Path(needed("axe_playwright_python").__file__).parent
    page.evaluate((package / "axe.min.js").read_text(encoding="utf-8"))
    rules = {"color-contrast": {"enabled": colours}}
    options = {"resultTypes": ["violations"], "rules": rules}
    found = page.evaluate("options => axe.run(options)", options)["violations"]
    return [f"{each['id']}: {len(each['nodes'])}, {each['nodes'][0]['html']}" for each in found]


def typeset(page) -> None:
    """Wait until every formula is set."""
    if page.locator(".math").count():
        page.wait_for_function("window.MathJax && MathJax.startup && MathJax.startup.promise")
        page.evaluate("MathJax.startup.promise")


@pytest.mark.parametrize(("name", "scheme", "width"), LOOKED_AT)
def test_in_the_browser_a_page_is_whole_and_open_to_everybody(served, name, scheme, width):
    with opened(served, name, scheme, width) as page:
        typeset(page)
        for fold in page.locator("article summary").all():
            fold.focus()
            page.keyboard.press("Enter")
        assert page.locator("article details:not([open])").count() == 0
        assert page.locator(".math:not(:has(mjx-container))").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        # All notebooks are coloured alike: the contrasts of one stand for all.
        assert complaints_of_axe(page, colours=Path(name).name not in SERIES[:-1]) == []
        first_paint = [url for url in page.asked if Path(url).name.startswith("search")]
        assert name.endswith("search") or first_paint == []


@pytest.mark.parametrize("name", IN_BOTH)
def test_in_the_browser_every_slider_moves_by_keys(served, name):
    with opened(served, name) as page:
        for fold in page.locator("article details").all():
            fold.evaluate("fold => { fold.open = true; }")
        for frames in page.locator(".frames").all():
            slider, count = frames.locator("input[type=range]"), frames.locator(".frame").count()
            assert count >= 3
            slider.focus()
            page.keyboard.press("Home")
            seen = []
            for _ in range(count):
                assert frames.locator(FRAME).count() == 1
                words = frames.locator(FRAME).locator("img").get_attribute("alt")
                seen.append((slider.get_attribute("aria-valuetext"), words))
                page.keyboard.press("ArrowRight")
            assert len(set(seen)) == len({setting for setting, _ in seen}) == count
            assert all(setting and words for setting, words in seen)
            page.keyboard.press("ArrowLeft")
            assert slider.get_attribute("aria-valuetext") == seen[-2][0]
            assert page.get_by_label(slider.evaluate("bar => bar.labels[0].innerText")).count()


def test_in_the_browser_the_film_stops_and_is_wound(served):
    with opened(served, "03_gradient_descent") as page:
        film, bar = page.locator("svg[role=img]"), page.get_by_label("step", exact=True)
        bar.scroll_into_view_if_needed()
        assert not film.evaluate("film => film.animationsPaused()")
        bar.focus()
        page.keyboard.press("End")
        assert film.evaluate("film => film.animationsPaused()")
        assert bar.input_value() == bar.get_attribute("max")


def test_in_the_browser_without_a_script_nothing_is_lost(served):
    with opened(served, SERIES[0], java_script_enabled=False) as page:
        frames = page.locator(".frames")
        assert frames.locator(FRAME).count() == frames.locator(".frame").count() >= 3
        assert not frames.locator("input").is_visible()
        fold = page.locator("article details.hide").first
        fold.locator("summary").click()
        assert fold.locator(".cell_output").is_visible()


def test_on_paper_all_frames_are_there_and_no_button(served):
    with opened(served, SERIES[0]) as page:
        page.emulate_media(media="print")
        frames = page.locator(".frames")
        assert frames.locator(FRAME).count() == frames.locator(".frame").count()
        assert not page.locator(".ways-to-run a").first.is_visible()
        assert not page.locator(".sidebar-drawer").is_visible()


@pytest.mark.parametrize(("words", "name"), SEARCHES)
def test_in_the_browser_a_word_is_found(served, words, name):
    with opened(served, "index") as page:
        page.get_by_label("Search", exact=True).fill(words)
        page.keyboard.press("Enter")
        page.get_by_text("Search finished").wait_for()
        assert f"{name}.html" in found(page)


def found(page) -> set[str]:
    """Return the files in which a search has found something."""
    links = page.locator(FOUND).all()
    return {link.get_attribute("href").split("?")[0].split("#")[0] for link in links}


@CHINESE
def test_in_the_browser_chinese_words_are_found(served):
    with opened(served, "zh/index") as page:
        for words, name in CHINESE_SEARCHES:
            page.get_by_label("搜索", exact=True).fill(words)
            page.keyboard.press("Enter")
            page.wait_for_url("**/zh/search.html?q=*")
            page.get_by_text("搜索完成").wait_for()
            assert f"{name}.html" in found(page)
        for words in NOT_FOUND:
            page.goto(f"{page.url.split('?')[0]}?q={words}")
            page.get_by_text("没有匹配").wait_for()
            assert found(page) == set()


@CHINESE
def test_from_the_disk_chinese_words_are_found(served, site):
    chromium, _ = served
    page = chromium.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    for words, name in CHINESE_SEARCHES:
        page.goto(f"{(site / 'zh' / 'search.html').as_uri()}?q={words}")
        page.get_by_text("搜索完成").wait_for()
        assert f"{name}.html" in found(page)
    assert [url for url in asked if not url.startswith((site.as_uri(), "data:"))] == []
    page.close()


def middle(page):
    """Return a place in the middle of a notebook's page."""
    places = page.locator("[id^=nb]")
    return places.nth(places.count() // 2)


def switched(page) -> str:
    """Read down to the middle, go to the other language, and return the address there."""
    typeset(page)
    # A reader has read half of the first line.
    page.evaluate(
        "place => scrollBy({top: place.getBoundingClientRect().top + 9, behavior: 'instant'})",
        middle(page).element_handle(),
    )
    page.locator(".language:visible").click()
    page.wait_for_url("**/zh/*")
    typeset(page)
    return page.url


@CHINESE
@pytest.mark.parametrize(
    ("name", "scheme", "width"), [(name, *LOOKS[k % 2]) for k, name in enumerate(SERIES)]
)
def test_in_the_browser_the_switch_leads_to_the_same_paragraph_and_back(
    served, name, scheme, width
):
    with opened(served, name, scheme, width) as page:
        led = f"{name}.html#{middle(page).get_attribute('id')}"
        assert switched(page).endswith(f"/zh/{led}")
        assert 0 < middle(page).bounding_box()["y"] < 150
        page.locator(".language:visible").click()
        page.wait_for_url(f"**/{led}")
        assert "/zh/" not in page.url


@CHINESE
def test_in_the_browser_the_switch_at_the_top_and_on_other_pages_has_no_place(served):
    for name in (SERIES[0], "terms"):
        with opened(served, name) as page:
            page.locator(".language:visible").click()
            page.wait_for_url(f"**/zh/{name}.html")


@CHINESE
def test_in_the_browser_chinese_stands_upright_in_fonts_of_the_system(served):
    looks = """element => {
        const { fontStyle, fontFamily, lineHeight, fontSize } = getComputedStyle(element);
        return [fontStyle, fontFamily, parseFloat(lineHeight) / parseFloat(fontSize)];
    }"""
    with opened(served, "index") as page:
        assert page.locator("article em").first.evaluate(looks)[0] == "italic"
        _, _, room = page.locator("article p").first.evaluate(looks)
    with opened(served, "zh/index") as page:
        style, fonts, more_room = page.locator("article p").first.evaluate(looks)
        assert "PingFang SC" in fonts and "Microsoft YaHei" in fonts and more_room > room
        page.locator("article p").first.evaluate("p => { p.innerHTML = '<em>词</em>'; }")
        assert page.locator("article em").first.evaluate(looks)[0] == style == "normal"


def test_from_the_disk_pages_open_and_words_are_found(served, site):
    chromium, _ = served
    page = chromium.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{(site / 'search.html').as_uri()}?q=momentum")
    page.locator(FOUND, has_text="03 · Gradient descent").first.click()
    page.wait_for_url("**/03_gradient_descent.html*")
    typeset(page)
    assert page.locator(".math:not(:has(mjx-container))").count() == 0
    assert [url for url in asked if not url.startswith((site.as_uri(), "data:"))] == []
    page.close()


# --- Faults are seen ---


def test_in_the_browser_faults_are_seen(served):
    _, base = served
    with opened(served, "index") as page:
        page.evaluate("fetch('https://example.org/a.js').catch(() => null)")
        page.evaluate("document.querySelector('article img').removeAttribute('alt')")
        assert foreign(page, base) == ["https://example.org/a.js"]
        assert [line.split(":")[0] for line in complaints_of_axe(page)] == ["image-alt"]
        page.asked.clear()
        page.said.clear()


@CHINESE
def test_in_the_browser_a_switch_without_a_place_is_seen(served):
    with opened(served, SERIES[0]) as page:
        name = middle(page).get_attribute("id")
        middle(page).evaluate("place => { place.id = 'nb'; }")
        assert not switched(page).endswith(f"#{name}")


@CHINESE
def test_in_the_browser_a_search_that_does_not_cut_chinese_is_seen(served):
    def uncut(route) -> None:
        route.fulfill(body=f"{route.fetch().text()}splitQuery = (query) => [query];")

    with opened(served, "zh/index") as page:
        page.route("**/language_data.js*", uncut)
        page.goto(page.url.replace("index.html", f"search.html?q={CHINESE_SEARCHES[0][0]}"))
        page.get_by_text("没有匹配").wait_for()
        assert found(page) == set()


def test_every_page_is_looked_at(site):
    looked_at = {site / f"{name}.html" for name, *_ in LOOKED_AT}
    assert {*checks.pages(site)} == looked_at
