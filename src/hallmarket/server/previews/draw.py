"""Draw a thumbnail of a file. Runs in the decoder's process alone, which may die of what it reads."""

from collections.abc import Iterator
from statistics import pstdev
from typing import IO, Any

import av
import pypdfium2
import pyvips
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from hallmarket.server.previews.outcome import Drawn, Undrawable
from hallmarket.server.previews.sniff import IMAGE, PDF, VIDEO

EDGE = 512
MAX_PIXELS = 250_000_000  # of what is drawn from: the largest cameras' pictures, and large scans
QUALITY = 80
FIRST_FRAMES = 48
PARTS = (0.1, 0.25, 0.5, 0.75)  # where else in a video to look, if it begins with nothing to see
SAMPLE = 32
MEANINGFUL = 8.0  # of 255: how far the samples of a frame in which there is something to see stray from their mean

# What the library may read at all: each of these is asked for, all others are out of reach, and unknown ones with them.
LOADERS = ("Jpeg", "Png", "Webp", "Nsgif", "Tiff", "Heif")


def prepare() -> None:
    """Close what is not needed; before the first file."""
    pyvips.operation_block_set("VipsForeignLoad", True)
    for loader in LOADERS:
        pyvips.operation_block_set(f"VipsForeignLoad{loader}", False)
    pyvips.concurrency_set(1)
    pyvips.cache_set_max(0)


def draw(kind: str, file: IO[bytes]) -> Drawn:
    """A thumbnail of an open file. Raises Undrawable, and whatever the libraries may."""
    if kind == IMAGE:
        return _finish(_read_image(file))
    if kind == PDF:
        return _finish(_read_page(file))
    return _finish(_read_frame(file, kind.removeprefix(VIDEO)))


def _finish(picture: Any) -> Drawn:
    small = picture.thumbnail_image(EDGE, height=EDGE, size="down", export_profile="srgb")
    content: bytes = small.webpsave_buffer(Q=QUALITY, keep="none")
    return Drawn(small.width, small.height, content)


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise Undrawable(f"It has {width} by {height} pixels; thumbnails are made of at most {MAX_PIXELS:,}.")


def _read_image(file: IO[bytes]) -> Any:
    """A picture to be read once from top to bottom, by the library's loader, which shrinks while it reads."""
    header = _open_image(file)
    _check_size(header.width, header.height)
    # The library's own way to do both at once draws truncated pictures as if nothing were missing.
    times = max(header.width, header.height) // EDGE
    shrink = next((step for step in (8, 4, 2) if times >= step), 1)
    if shrink > 1 and header.get("vips-loader") == "jpegload_source":
        return _open_image(file, shrink=shrink)
    if shrink > 1 and header.get("vips-loader") == "webpload_source":
        return _open_image(file, scale=1 / shrink)
    return _open_image(file)


def _open_image(file: IO[bytes], **options: Any) -> Any:
    file.seek(0)
    source = pyvips.Source.new_from_descriptor(file.fileno())
    return pyvips.Image.new_from_source(source, "", access="sequential", fail_on="error", **options)


def _read_page(file: IO[bytes]) -> Any:
    """The first page of a PDF, on white."""
    document = pypdfium2.PdfDocument(file)
    page = document[0]
    width, height = page.get_size()
    bitmap = page.render(scale=EDGE / max(width, height, 1), rev_byteorder=True, may_draw_forms=False)
    channels = bitmap.n_channels
    return _pack(bytes(bitmap.buffer), bitmap.width, bitmap.height, bitmap.stride, channels).extract_band(
        0, n=min(channels, 3)
    )


def _pack(pixels: bytes, width: int, height: int, stride: int, channels: int) -> Any:
    """Rows of pixels, which may be padded, as a picture."""
    if stride != width * channels:
        pixels = b"".join(pixels[row * stride : row * stride + width * channels] for row in range(height))
    picture = pyvips.Image.new_from_memory(pixels, width, height, channels, "uchar")
    return picture.copy(interpretation="srgb" if channels > 1 else "b-w")


def _read_frame(file: IO[bytes], container_format: str) -> Any:
    """The first frame of a video with something to see in it; if there is none, the one that comes closest."""
    with av.open(file, mode="r", format=container_format, io_open=_open_nothing) as container:
        stream = next(iter(container.streams.video), None)
        if stream is None:
            raise Undrawable("It has no pictures in it.")
        _check_size(stream.width, stream.height)
        stream.codec_context.thread_count = 1
        best, most = None, -1.0
        for frame in _frames(container, stream):
            _check_size(frame.width, frame.height)
            if (seen := _spread(frame)) > most:
                best, most = frame, seen
            if seen >= MEANINGFUL:
                break
        if best is None:
            raise Undrawable("It has no frames.")
        return _flatten(best, stream)


def _open_nothing(*_: object) -> IO[bytes]:
    raise Undrawable("It refers to other files.")


def _frames(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """The first frames, then some further in; what cannot be read ends them."""
    try:
        for number, frame in enumerate(container.decode(stream), start=1):
            yield frame
            if number == FIRST_FRAMES:
                break
        for part in PARTS:
            if container.duration:
                container.seek(int(container.duration * part))
                yield next(container.decode(stream))
    except (av.FFmpegError, StopIteration):
        return


def _spread(frame: VideoFrame) -> float:
    plane = frame.reformat(SAMPLE, SAMPLE, "gray").planes[0]
    pixels = bytes(plane)
    return pstdev(
        pixel for row in range(SAMPLE) for pixel in pixels[row * plane.line_size : row * plane.line_size + SAMPLE]
    )


def _flatten(frame: VideoFrame, stream: VideoStream) -> Any:
    """A frame as it is meant to be seen: in its proportions and the right way up."""
    width = frame.width * float(stream.sample_aspect_ratio or 1)
    scale = min(EDGE / max(width, frame.height), 1.0)
    rgb = frame.reformat(max(round(width * scale), 1), max(round(frame.height * scale), 1), "rgb24")
    plane = rgb.planes[0]
    picture = _pack(bytes(plane), rgb.width, rgb.height, plane.line_size, 3)
    quarters = round(frame.rotation / 90) % 4  # against the clock; the library turns with it
    return picture.rot(f"d{360 - 90 * quarters}") if quarters else picture
