"""The report in a real browser: no errors, no requests, every chapter and figure drawn, on any width, dark, on paper.

Screenshots are kept in build/report/ to be looked at.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from tamscore import backend
from tamscore.cli import app
from tamscore.progress import Progress
from tamscore.questions.page_one import Hours
from tamscore.questions.stored import open_run
from tamscore.report import page_of, write_report
from tamscore.report.chapters import one_pager
from tamscore.report.evidence import gather
from tamscore.sections.coverage.cover import cover
from tamscore.sections.coverage.settings import Coverage
from tamscore.view.words import money

pytestmark = pytest.mark.platform
BUILD = Path(__file__).parents[2] / "build" / "report"
OPTIONS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    "--disable-dev-shm-usage",
    "--virtual-time-budget=6000", "--host-resolver-rules=MAP * ~NOTFOUND",
]  # fmt: skip
WIDTHS = {"phone": 390, "tablet": 820, "laptop": 1280, "wide": 1600}
PROBE = """<script>addEventListener("load", () => {
  const shown = (one) => { const box = one.getBoundingClientRect(); return [box.width, box.height]; };
  const drawn = [...document.querySelectorAll("figure svg")].filter((one) => one.getClientRects().length);
  const told = {
    page: [document.documentElement.scrollWidth, innerWidth],
    height: document.documentElement.scrollHeight,
    sections: [...document.querySelectorAll("section")].map((one) => [one.id, ...shown(one)]),
    figures: drawn.map((one) => [...shown(one), one.querySelectorAll("path, use, text").length]),
    outside: drawn.flatMap((one) => { const box = one.getBoundingClientRect();
      return [...one.querySelectorAll("text")].filter((text) => { const t = text.getBoundingClientRect();
        return t.width && (t.left < box.left - 14 || t.right > box.right + 14);
      }).map((text) => text.textContent); }),
    paper: getComputedStyle(document.querySelector("section")).backgroundColor,
    button: document.getElementById("theme").getAttribute("aria-label"),
    errors: window.seenErrors,
    asked: performance.getEntriesByType("resource").map((one) => one.name).filter((name) => !name.startsWith("data:")),
  };
  const head = [...document.querySelectorAll("#page-one th")].find((one) => one.textContent === "expected");
  head.querySelector("button").click();
  const rows = [...head.closest("table").tBodies[0].rows];
  told.sorted = [head.getAttribute("aria-sort"), ...rows.map((row) => row.cells[head.cellIndex].textContent)];
  document.getElementById("theme").click();
  told.clicked = getComputedStyle(document.querySelector("section")).backgroundColor;
  parent.postMessage(JSON.stringify(told), "*");
});</script>"""
FRAME = """<!doctype html><link rel="icon" href="data:,"><body style="margin:0"><pre id="told"></pre>
<script>addEventListener("message", (e) => { document.getElementById("told").textContent = e.data; });</script>
<iframe src="PAGE" style="border:0;width:WIDTHpx;height:3000px"></iframe>"""
ERROR_LISTENER = """<script>window.seenErrors = []; addEventListener("error", (e) => seenErrors.push(e.message));
addEventListener("securitypolicyviolation", (e) => seenErrors.push(e.violatedDirective));</script>"""


def chromium(page, *options, width=1280, height=2000):
    """What Chromium prints about a page, on standard output and on standard error."""
    program = shutil.which("chromium")
    assert program, "chromium is not installed; see tests/platform/packages.txt"
    with tempfile.TemporaryDirectory() as profile:
        call = [program, *OPTIONS, f"--user-data-dir={profile}", f"--window-size={width},{height}", *options]
        done = subprocess.run([*call, page.as_uri()], check=True, capture_output=True, text=True, timeout=120)
    return done.stdout, done.stderr


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The report on a made-up market scored twice, with a coverage."""
    folder = tmp_path_factory.mktemp("browser")
    for name, month in (("then", "1"), ("now", "3")):
        assert CliRunner().invoke(app, ["synth", str(folder / name), "--rows", "6000", "--month", month]).exit_code == 0
    job = str(folder / "then" / "job.toml")
    first = CliRunner().invoke(app, ["run", job, "--set", 'clusters.k="auto"', "--set", "clusters.k_range=[3, 9]"])
    assert first.exit_code == 0, first.output
    output = folder / "then" / "scores"
    settings = ["--set", 'clusters.k="auto"', "--set", "clusters.k_range=[3, 9]"]
    call = ["score", job, "--model", str(output), "--set", f"input.path={folder / 'now' / 'market'}", *settings]
    second = CliRunner().invoke(app, call)
    assert second.exit_code == 0, second.output
    hunters = Coverage.model_validate({"team": {"hunter": 2}}, strict=False)
    cover(open_run(output), hunters, backend.load("cpu"), Progress())
    write_report(open_run(output), Progress(), folder / "report.html")
    return folder / "report.html"


@pytest.fixture(scope="module")
def evidence(page):
    """What the report rests on, without the accounts."""
    return gather(open_run(page.parent / "then" / "scores"), None, Progress(), accounts=False)


def open_to_scripts(page):
    """The text of a page that lets the scripts of these tests run as well as its own."""
    return re.sub(r"script-src '[^']+'", "script-src 'unsafe-inline'", page.read_text(encoding="utf-8"), count=1)


@pytest.fixture(scope="module")
def probed(page):
    """The page with a probe in it that tells what was drawn."""
    text = open_to_scripts(page).replace("<title>", f"{ERROR_LISTENER}<title>", 1).replace("</body>", f"{PROBE}</body>")
    target = page.with_name("probed.html")
    target.write_text(text, encoding="utf-8")
    return target


def probe_page(page, width, *options):
    """What the probe tells of a page of that width."""
    frame = page.with_name(f"frame-{width}-{page.name}")  # a window cannot be as narrow as a phone, a frame can
    frame.write_text(FRAME.replace("WIDTH", str(width)).replace("PAGE", page.name), encoding="utf-8")
    dom, log = chromium(frame, "--enable-logging=stderr", "--v=0", "--dump-dom", *options, width=max(width, 600))
    found = json.loads(html.unescape(re.findall(r'<pre id="told">(.*?)</pre>', dom, re.DOTALL)[0]))
    assert found["errors"] or "CONSOLE" not in log, log
    return found


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_every_chapter_and_figure_is_drawn_and_nothing_sticks_out(page, probed, width):
    found = probe_page(probed, width)
    assert found["errors"] == []
    assert found["page"][0] <= found["page"][1] == width
    ids = [name for name, *_ in found["sections"]]
    assert ids == re.findall(r'<section id="([\w-]+)"', page.read_text(encoding="utf-8"))
    assert {"coverage", "moves", "ladder"} <= set(ids)
    assert all(w > 0.5 * min(width, 1000) and h > 100 for _, w, h in found["sections"])
    assert len(found["figures"]) == len(re.findall("<figure", page.read_text(encoding="utf-8")))
    assert all(w > 250 and h > 60 and marks > 8 for w, h, marks in found["figures"])
    assert found["outside"] == []
    screenshot(page, f"light-{width}", width, found["height"])


def screenshot(page, name, width, height, *options):
    """Keep what the page looks like."""
    BUILD.mkdir(parents=True, exist_ok=True)
    target = BUILD / f"{name}.png"
    chromium(page, f"--screenshot={target}", *options, width=width, height=min(height, 16000))
    assert target.stat().st_size > 50_000


def test_a_click_on_a_head_sorts_its_table(probed, evidence):
    direction, *shown = probe_page(probed, 1280)["sorted"]
    first = evidence.page_one
    party = first.call[0]["party_type"]
    amounts = sorted((row["expected_value"] for row in first.call if row["party_type"] == party), reverse=True)
    assert direction == "descending"
    assert shown == [money(amount) for amount in amounts]
    assert len(shown) > 3


def test_nothing_is_asked_from_the_network_and_the_browser_would_tell(probed):
    found = probe_page(probed, 1280)
    assert found["asked"] == []
    assert found["errors"] == []
    planted = probed.with_name("planted.html")
    text = probed.read_text(encoding="utf-8")
    planted.write_text(
        text.replace("<main", '<img src="https://example.invalid/x.png" alt=""><main', 1), encoding="utf-8"
    )
    assert probe_page(planted, 1280)["errors"] == ["img-src"]


def test_dark_follows_the_system_and_the_switch(page, probed):
    light, dark = probe_page(probed, 1280), probe_page(probed, 1280, "--blink-settings=preferredColorScheme=0")
    assert light["paper"] != dark["paper"]
    assert (light["clicked"], dark["clicked"]) == (dark["paper"], light["paper"])
    assert (light["button"], dark["button"]) == ("Switch to dark colours", "Switch to light colours")
    screenshot(page, "dark-1280", 1280, light["height"], "--blink-settings=preferredColorScheme=0")


def test_the_pictures_of_the_documentation_can_be_taken_again(page, tmp_path):
    script = Path(__file__).parents[2] / "docs" / "pictures.py"
    run = page.parent / "then" / "scores"
    subprocess.run([sys.executable, script, run, tmp_path], check=True, capture_output=True)
    names = {one.name for one in (script.parent / "pictures").glob("*.png")}
    assert {one.name for one in tmp_path.iterdir()} == names
    for one in tmp_path.iterdir():
        with Image.open(one) as image:
            width, height = image.size
        assert width == 900
        assert 300 < height < 1200


AXE = """<script>addEventListener("load", async () => {
  document.querySelectorAll("details").forEach((one) => { one.open = true; });
  const found = await axe.run(document, { resultTypes: ["violations"] });
  const told = found.violations.map((one) => [one.id, ...one.nodes.map((node) => node.target.join(" "))]);
  parent.postMessage(JSON.stringify({ errors: [], passed: found.passes.length, told }), "*");
});</script>"""


@pytest.mark.parametrize(("width", "dark"), [(390, False), (1280, True)], ids=["phone", "dark"])
def test_axe_finds_nothing(page, width, dark):
    [axe] = (Path(__file__).parents[2] / ".venv-platform").glob("lib/*/site-packages/axe_core_python/axe.min.js")
    target = page.with_name("axe.html")
    script = f"<script>{axe.read_text(encoding='utf-8')}</script>{AXE}"
    target.write_text(open_to_scripts(page).replace("</body>", f"{script}</body>"), encoding="utf-8")
    found = probe_page(target, width, *(["--blink-settings=preferredColorScheme=0"] if dark else []))
    assert found["passed"] > 30
    assert found["told"] == []


def printed(page, name):
    """How many sheets a page takes."""
    BUILD.mkdir(parents=True, exist_ok=True)
    target = BUILD / f"{name}.pdf"
    chromium(page, "--no-pdf-header-footer", f"--print-to-pdf={target}")
    data = target.read_bytes()
    assert data.startswith(b"%PDF")
    return len(re.findall(rb"/Type\s*/Page\b", data))


def test_the_main_part_takes_at_most_twelve_sheets(page):
    main = page.with_name("main.html")
    text = page.read_text(encoding="utf-8")
    main.write_text(text.replace("</style>", ".appendix, .part { display: none }</style>", 1), encoding="utf-8")
    sheets = printed(main, "main")
    assert 4 <= sheets <= 12
    assert sheets < printed(page, "report") <= 30


def test_the_first_page_fits_one_sheet_however_long_its_names_are(page, evidence):
    long = {
        "name": "Long Name of an Account " * 4,
        "person": "A Person of Many Names " * 4,
        "next_offer": "offer " * 20,
    }
    first = evidence.page_one
    hours = tuple(Hours(role=f"inside_sales_{i}", people=100, needed=1e6, there=1e6) for i in range(6))
    call = tuple({**row, **long, "p_basis": "look_alike", "probability": 0.123} for row in first.call)
    clusters = tuple(f"E{i:04d}" for i in range(50))
    trust = replace(first.trust, graded=50, unstable=clusters, thin=clusters)
    leaving = {"accounts": 1_234_567, "at_stake": 1.2e9}
    entries = {**dict.fromkeys(first.report, "A long text about it"), "currency": "EUR"}
    worst = replace(first, call=call, hours=hours, trust=trust, leaving=leaving, report=entries)
    assert len(worst.call) == 20
    found = replace(evidence, summary=replace(evidence.summary, page_one=worst))
    for name, one in (("one", evidence), ("longest", found)):
        target = page.with_name(f"{name}.html")
        target.write_text(page_of(one, one_pager(one)), encoding="utf-8")
        assert printed(target, f"first-page-{name}") == 1
