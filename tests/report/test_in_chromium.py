"""The pages in a real browser: nothing on its console, and nothing asked of a network."""

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from finished_runs import write_run

from aed_lightning.report.comparison import write_comparison
from aed_lightning.report.page import write_report

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-default-apps"),
)
OF_THE_BROWSER = re.compile(r"(^|\.)(google|googleapis|gstatic|gvt1|gvt2)\.com$")
"""Hosts that the browser itself may call, whatever it shows."""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


@dataclass
class Network:
    """A proxy that answers nothing and knows who was asked for."""

    port: int = 0
    hosts: list[str] = field(default_factory=list)


@pytest.fixture
def network() -> Iterator[Network]:
    asked = Network()

    class Refusing(BaseHTTPRequestHandler):
        def refuse(self) -> None:
            host = re.sub(r"^\w+://", "", self.path).partition("/")[0].partition(":")[0]
            if not OF_THE_BROWSER.search(host):
                asked.hosts.append(host)
            self.send_error(502)

        do_GET = do_POST = do_CONNECT = do_HEAD = refuse

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    asked.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield asked
    server.shutdown()
    thread.join()
    server.server_close()


def opened(page: Path, network: Network, profile: Path) -> tuple[str, list[str]]:
    """The page as the browser understood it, and the lines of its console."""
    command = [CHROMIUM, *QUIET, f"--user-data-dir={profile}", f"--proxy-server=http://127.0.0.1:{network.port}"]
    command += ["--enable-logging=stderr", "--virtual-time-budget=4000", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def test_this_test_sees_requests_and_console_errors(tmp_path: Path, network: Network):
    page = tmp_path / "bad.html"
    page.write_text("<img src='http://pictures.invalid/x.png'><script>console.error('broken')</script>")
    _, console = opened(page, network, tmp_path / "profile")
    assert "pictures.invalid" in network.hosts
    assert any("broken" in line for line in console)


@pytest.mark.parametrize("kind", ["report", "comparison"])
def test_a_page_opens_without_a_console_error_and_without_a_request(kind: str, tmp_path: Path, network: Network):
    runs = [write_run(tmp_path / name, seed) for seed, name in enumerate(("one", "two"))]
    page = tmp_path / f"{kind}.html"
    if kind == "report":
        write_report(runs[0], page)
    else:
        write_comparison(runs, tmp_path)
    document, console = opened(page, network, tmp_path / "profile")
    assert "<main>" in document
    assert "ROC curve of all frames" in document
    assert console == []
    assert network.hosts == []
