"""JupyterLab in a real browser: a server on loopback, and what a reader does on its page."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
from jupyter_server.serverapp import list_running_servers
from nbformat import NotebookNode

from every_notebook.series import ROOT
from project.needed import missing, needed

# Where a page that fails is pictured; git ignores it.
SCREENSHOTS = ROOT / ".screenshots"

# Limits for what hangs, in seconds; a busy machine is to stay far below them.
A_WHOLE_NOTEBOOK = 1_200
ONE_STEP = 300

_NAMES = ("chromium", "chromium-browser", "google-chrome")
# Nothing is asked of the network, and a container has neither a sandbox nor a graphics card.
_FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update"
).split()
_PICTURES = ":is(img, svg[role=img])"


def find_chromium() -> str:
    """Return the browser that CHROMIUM names, or the first on the PATH; skip without one."""
    names = [named] if (named := os.environ.get("CHROMIUM")) else _NAMES
    found = next(filter(None, map(shutil.which, names)), None)
    return found or missing(f"a Chromium ({', '.join(names)}; CHROMIUM names another)")


# --- The server ---


@contextlib.contextmanager
def serve(folder: Path, home: Path) -> Iterator[dict]:
    """Serve a folder by JupyterLab with this Python and these helpers; yield its url and token.

    All that Jupyter keeps lies in `home`, so nothing of the reader's own settings takes part.
    """
    # Jupyter's news would lie over the page, and a notebook is saved when a test says so.
    settings = home / "config" / "labconfig" / "default_setting_overrides.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(
        """{
            "@jupyterlab/apputils-extension:notification": {"fetchNews": "false"},
            "@jupyterlab/docmanager-extension:plugin": {"autosave": false}
        }"""
    )
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTER_PATH": "",  # Else a kernel that lies there would be started.
        "IPYTHONDIR": str(home / "ipython"),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    }
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--ServerApp.root_dir={folder}"]
    command = [sys.executable, "-m", "jupyterlab", *options]
    log = home / "log.txt"
    with (
        open(log, "wb") as file,
        subprocess.Popen(
            command, cwd=folder, env=environment, stdout=file, stderr=subprocess.STDOUT
        ) as server,
    ):
        try:
            yield _address(server, home / "runtime", log)
        finally:
            server.terminate()


def _address(server: subprocess.Popen, runtime: Path, log: Path) -> dict:
    """Wait for the file in which the server says where it listens."""
    deadline = time.monotonic() + ONE_STEP
    while server.poll() is None and time.monotonic() < deadline:
        if running := [*list_running_servers(runtime)]:
            return running[0]
        time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


# --- The page ---


@contextlib.contextmanager
def launch() -> Iterator:
    """Start the browser, without a window; yield it."""
    with needed("playwright.sync_api").sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=_FLAGS)
        yield browser
        browser.close()


@contextlib.contextmanager
def opened(browser, address: dict, file: Path) -> Iterator["NotebookPage"]:
    """Open a notebook of the served folder; its kernel is shut down in the end."""
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.set_default_timeout(ONE_STEP * 1000)
    page.goto(f"{address['url']}lab/tree/{file.name}?reset&token={address['token']}")
    try:
        yield NotebookPage(page, file)
    except Exception:
        # What a test stumbled over is best seen.
        SCREENSHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{file.stem}-failed.png")
        raise
    finally:
        sessions, token = f"{address['url']}api/sessions", {"token": address["token"]}
        for session in page.request.get(sessions, params=token).json():
            page.request.delete(f"{sessions}/{session['id']}", params=token)
        page.close()


class NotebookPage:
    """A notebook open in JupyterLab, and what a reader can do with it."""

    def __init__(self, page, file: Path):
        self.page = page
        self.file = file
        self.cells = page.locator(".jp-Notebook-cell")
        self.idle_kernel = page.locator("#jp-bottom-panel").get_by_text("| Idle")
        self.idle_kernel.wait_for()

    def choose(self, menu: str, entry: str) -> None:
        """Choose an entry of a menu."""
        self.page.locator(".lm-MenuBar-itemLabel").get_by_text(menu, exact=True).click()
        self.page.locator(".lm-Menu-itemLabel").get_by_text(entry, exact=True).click()

    def wait_for_runs(self) -> None:
        """Wait until something has run and nothing is left to run, be it for an error."""
        first = self.page.locator(".jp-CodeCell .jp-InputPrompt", has_text="[1]:")
        # They do not tell: an error takes the `*` off all that follow, though they will run.
        idle = self.page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")
        for sign in (first, idle, self.idle_kernel):
            sign.wait_for(state="attached", timeout=A_WHOLE_NOTEBOOK * 1000)

    def wait_for_run(self, index: int) -> None:
        """Wait until a cell that has never run has come to its end."""
        prompt = self.cells.nth(index).locator(".jp-InputPrompt", has_text=re.compile(r"\d"))
        prompt.wait_for()

    def save(self) -> NotebookNode:
        """Save the notebook, and return what is in the file then."""

        def answers_to_saving(response) -> bool:
            return response.request.method == "PUT" and f"contents/{self.file.name}" in response.url

        with self.page.expect_response(answers_to_saving) as answer:
            self.choose("File", "Save Notebook")
        assert answer.value.ok, answer.value.status_text
        return nbformat.read(self.file, as_version=4)

    def output(self, index: int):
        """Return where the output of the cell with this number, counted from 0, is shown."""
        return self.cells.nth(index).locator(".jp-OutputArea-output")

    def beside_the_dots(self, index: int) -> str | None:
        """Return the line that stands for a folded output; None where the output is open."""
        self.cells.nth(index).scroll_into_view_if_needed()
        dots = self.cells.nth(index).locator(".jp-OutputPlaceholder .jp-PlaceholderText")
        if not dots.count():
            return None
        # JupyterLab draws no text outside the window, even of a cell that is partly within.
        dots.scroll_into_view_if_needed()
        return dots.inner_text()

    def shown_pictures(self, index: int) -> list[str | None]:
        """Return the words for each picture that a cell shows; None for one that is not shown."""
        self.cells.nth(index).scroll_into_view_if_needed()
        pictures = self.output(index).locator(_PICTURES)
        return pictures.evaluate_all(
            """pictures => pictures.map(picture => {
                const words = picture.alt ?? picture.getAttribute('aria-label');
                const loaded = picture.tagName !== 'IMG' || picture.naturalWidth > 0;
                return loaded && picture.getBoundingClientRect().height > 0 ? words : null;
            })"""
        )

    def reach(self, index: int, control) -> bool:
        """Select a cell and press Tab until its control has the focus; say whether that works."""
        self.select(index)
        self.cells.nth(index).focus()
        for _ in range(10):
            self.page.keyboard.press("Tab")
            if control.evaluate("control => control === document.activeElement"):
                return True
        return False

    def select(self, index: int) -> None:
        """Select a cell, not to be typed into."""
        self.cells.nth(index).locator(".jp-InputPrompt").click()

    def write(self, index: int, source: str) -> None:
        """Type a new source into a cell, over the old one."""
        self.cells.nth(index).locator(".cm-content").click()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.type(source)

    def look(self, index: int) -> str:
        """Return what the picture of a cell looks like, to be compared with what it was."""
        # A film's pixels are not the same each time it stands at a step; the places are.
        picture = self.output(index).locator(_PICTURES)
        return picture.evaluate(
            """picture => {
                const { x, y } = picture.getBoundingClientRect();
                const places = [...picture.querySelectorAll('*')].map(part => {
                    const box = part.getBoundingClientRect();
                    return [box.x - x, box.y - y, box.width, box.height].map(Math.round);
                });
                return picture.src ?? JSON.stringify(places);
            }"""
        )

    def looks(self, index: int, as_hoped: Callable[[str], bool], seconds: float) -> bool:
        """Wait until the picture of a cell looks as hoped for; say whether it came to that."""
        deadline = time.monotonic() + seconds
        while not as_hoped(self.look(index)):
            if time.monotonic() > deadline:
                return False
            self.page.wait_for_timeout(100)
        return True

    def stands_still(self, index: int) -> bool:
        """Say whether no picture of a cell moves by itself."""
        films = self.output(index).locator("svg[role=img]")
        return films.evaluate_all("films => films.every(film => film.animationsPaused())")
