"""Thumbnails of queued photographs by the background process, compared with pyvips alone in one process.

python -m bench.thumbnail
"""

import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from PIL import ImageFilter

from _support.processes import find_backgrounds, kill
from _support.servers import Server, new_server
from _support.waiting import wait_until
from bench.table import Row, print_rows, ratio_row
from previews.samples import encode, noisy_image

ROUNDS = 5
PICTURES = 60
SIZE = (4000, 3000)
TARGET = 0.5

# The fastest plain pyvips loop: from memory, one after the other, to the same format and size.
BARE = """
import sys, time
import pyvips
pyvips.concurrency_set(1)
pyvips.cache_set_max(0)
content = open(sys.argv[1], "rb").read()
def draw():
    return pyvips.Image.thumbnail_buffer(content, 512, height=512, size="down", export_profile="srgb").webpsave_buffer(
        Q=80, keep="none")
draw()
started_s = time.perf_counter()
for _ in range(int(sys.argv[2])):
    draw()
print(time.perf_counter() - started_s)
"""


def run(rounds: int = ROUNDS, pictures: int = PICTURES) -> list[Row]:
    """Make thumbnails of queued photographs, alternating with the bare library; medians."""
    content = _photograph()  # blurred grain: about two megabytes, like a photograph from a camera
    with new_server() as server, server.client() as api, tempfile.TemporaryDirectory() as folder:
        photograph = Path(folder) / "photograph.jpg"
        photograph.write_bytes(content)
        _make(server, api, content, 3)  # starts the decoder
        ours, bare = [], []
        for _ in range(rounds):
            ours.append(pictures / _make(server, api, content, pictures))
            bare.append(pictures / _bare(photograph, pictures))
    what = f"thumbnails of {PICTURES} queued JPEGs of {SIZE[0] * SIZE[1] // 10**6} megapixels"
    return [ratio_row(what, statistics.median(ours), statistics.median(bare), "/s", "pyvips in one process", TARGET)]


def _photograph() -> bytes:
    return encode(noisy_image(*SIZE).filter(ImageFilter.GaussianBlur(2)), "JPEG", quality=88)


def _make(server: Server, api: httpx.Client, content: bytes, pictures: int) -> float:
    """Queue pictures while the background process is stopped; returns the seconds it then needs for them."""
    (background,) = wait_until(lambda: find_backgrounds(server))
    kill(background, signal.SIGSTOP)
    for number in range(pictures):
        # Each upload is unique: decoders ignore bytes after the end of the picture.
        unique = content + b"%d %d" % (number, time.monotonic_ns())
        response = api.post("/v1/media", files={"file": unique}, data={"anchor": "false"})
        assert response.status_code == 201, response.text
    started_s = time.perf_counter()
    kill(background, signal.SIGCONT)
    wait_until(lambda: not server.query("select 1 from preview where state = 'waiting' limit 1"), timeout_s=300)
    elapsed_s = time.perf_counter() - started_s
    assert not server.query("select 1 from preview where state <> 'made' limit 1")
    return elapsed_s


def _bare(photograph: Path, pictures: int) -> float:
    command = [sys.executable, "-c", BARE, str(photograph), str(pictures)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    sys.exit(not print_rows(run()))
