"""Takes the pictures of the documentation from the report of a run: `python docs/pictures.py RUN [FOLDER]`.

Needs the extra `report`, and Chromium to take them with.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from tamscore.progress import Progress
from tamscore.questions.stored import open_run
from tamscore.report import write_report

FOLDER = Path(__file__).parent / "pictures"
PICTURES = {
    "first_page": "section:not(#page-one), nav, tbody tr:nth-child(n+4) { display: none }",
    "clusters": "section:not(#clusters), nav, p, h2, .scroll { display: none }",
    "ladder": "section:not(#ladder), nav, p, h2 { display: none }",
    "quadrants": "section:not(#quadrants), nav, p, h2, .scroll, figure ~ figure { display: none }",
}
"""What is left out of the page for each picture; of the first page, most of its accounts."""
ALONE = (
    "header, footer, .skip, .part { display: none } .sheet { display: block; padding: 1rem } "
    "section { margin: 0; border: 0 }"
)
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars", "--virtual-time-budget=4000",
    "--window-size=900,1300",
)  # fmt: skip
COLOURS = 200


def main(run: Path, folder: Path = FOLDER) -> None:
    """Write all pictures to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        page = Path(scratch) / "report.html"
        write_report(open_run(run), Progress(), page)
        text = page.read_text(encoding="utf-8")
        for name, hidden in PICTURES.items():
            page.write_text(text.replace("</style>", f"{ALONE} {hidden}</style>", 1), encoding="utf-8")
            (folder / f"{name}.png").write_bytes(taken(page))


def taken(page: Path) -> bytes:
    """What a page looks like, cut to what is drawn, in few colours."""
    target, profile = page.with_suffix(".png"), page.with_suffix(".profile")
    call = ["chromium", *OPTIONS, f"--user-data-dir={profile}", f"--screenshot={target}", page.as_uri()]
    subprocess.run(call, check=True, capture_output=True, timeout=120)  # noqa: S603 - our own words
    with Image.open(target) as shot:
        image = shot.convert("RGB")
    background = Image.new("RGB", image.size, image.getpixel((1, image.height - 2)))
    bottom = max((y for y in range(image.height) if row(image, y) != row(background, y)), default=image.height)
    found = io.BytesIO()
    image.crop((0, 0, image.width, min(bottom + 12, image.height))).quantize(COLOURS).save(found, "PNG", optimize=True)
    return found.getvalue()


def row(image: Image.Image, y: int) -> bytes:
    """The pixels of a row."""
    return image.crop((0, y, image.width, y + 1)).tobytes()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
