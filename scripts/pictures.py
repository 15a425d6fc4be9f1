"""Files for the demo, generated at run time: photographs, scans, reports, figures and notes of a newsroom."""

import csv
import random
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]

PHOTOGRAPHS = (
    (640, 480),
    (1024, 768),
    (1280, 1280),
    (1600, 900),
    (2048, 1365),
    (2400, 1600),
    (3000, 2000),
    (1080, 1920),
)
SCANS = ((800, 1100), (1200, 1600), (1654, 2339))
PLACES = ("harbour", "market", "dunes", "station", "ridge", "estuary", "orchard", "quay")


def draw_newsroom(folder: Path) -> list[Path]:
    """Create about thirty files in `folder` and return their paths."""
    rng = random.Random(2026)
    for kind in ("photos", "scans", "reports", "figures", "notes"):
        (folder / kind).mkdir(parents=True)
    for number, (place, size) in enumerate(zip(PLACES * 2, PHOTOGRAPHS * 2, strict=True), start=1):
        landscape(size, rng).save(folder / f"photos/{number:02}-{place}.jpg", quality=88)
    for number, size in enumerate(SCANS, start=1):
        scan(size, number, rng).save(folder / f"scans/page-{number}.png", compress_level=1)
    for number in (1, 2):
        first, *others = [scan((827, 1169), page, rng) for page in range(1, 4)]
        first.save(folder / f"reports/report-{number}.pdf", save_all=True, append_images=others)
    for place in PLACES[:4]:
        write_figures(folder / f"figures/{place}.csv", place, rng)
    for place in PLACES:
        (folder / f"notes/{place}.txt").write_text(f"Notes taken at the {place}.\n", "utf-8")
    return sorted(path for path in folder.rglob("*") if path.is_file())


def landscape(size: tuple[int, int], rng: random.Random) -> Image.Image:
    """Draw a landscape that compresses like a photograph: sky, sun, rows of hills, and grain."""
    width, height = size
    dusk, noon = _colour(rng, 90, 200), _colour(rng, 170, 255)
    sky = Image.linear_gradient("L").resize(size)
    picture = Image.composite(Image.new("RGB", size, noon), Image.new("RGB", size, dusk), sky)
    pen = ImageDraw.Draw(picture)
    x, y, radius = rng.randrange(width), rng.randrange(height // 8, height // 2), max(width, height) // 18
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(255, 244, 214))
    for row in range(4):
        shade = _colour(rng, 20 + 10 * (4 - row), 60 + 25 * (4 - row))
        base = height * (4 + row) // 8
        heights = [base + rng.randrange(-height // 12, height // 12) for _ in range(9)]
        ridge = [(width * step / 8, level) for step, level in enumerate(heights)]
        pen.polygon([(0, height), *ridge, (width, height)], fill=shade)
    grain = Image.effect_noise((width // 2, height // 2), 42).resize(size)
    return Image.blend(picture, Image.merge("RGB", (grain, grain, grain)), 0.12)


def scan(size: tuple[int, int], number: int, rng: random.Random) -> Image.Image:
    """Draw a typed page on yellowed paper."""
    width, height = size
    page = Image.new("RGB", size, (250, 247, 238))
    pen = ImageDraw.Draw(page)
    font = ImageFont.load_default(width / 40)
    pen.text((width / 10, height / 16), f"THE HALLMARKET GAZETTE, page {number}", fill=(30, 30, 30), font=font)
    for line in range(28):
        words = " ".join("".join(rng.choices("aeiounrstlm", k=rng.randrange(2, 9))) for _ in range(9))
        pen.text((width / 10, height / 8 + line * height / 36), words, fill=(60, 60, 60), font=font)
    return page


def write_figures(path: Path, place: str, rng: random.Random) -> None:
    """Write a CSV table of 500 hourly measurements."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["hour", "place", "visitors", "temperature"])
        table.writerows([hour, place, rng.randrange(900), round(rng.gauss(14, 4), 1)] for hour in range(500))


def _colour(rng: random.Random, low: int, high: int) -> Colour:
    return rng.randrange(low, high), rng.randrange(low, high), rng.randrange(low, high)
