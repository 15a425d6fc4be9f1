"""Renders a thumbnail of an image, a video or a PDF. Runs only in a decoder, because a file may crash it."""

from collections.abc import Iterator
from statistics import pstdev
from typing import IO, Any

import av
import pypdfium2
import pyvips
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from hallmarket.server.previews.decoder_protocol import CannotRender, Thumbnail
from hallmarket.server.previews.detect_format import IMAGE, PDF, VIDEO

MAX_EDGE = 512  # of a thumbnail, in pixels
MAX_PIXELS = 250_000_000  # of a source: enough for the largest cameras and large scans
QUALITY = 80
FIRST_FRAMES = 48
LATER_POSITIONS = (0.1, 0.25, 0.5, 0.75)  # of the duration: looked at if the first frames show nothing
SAMPLE_EDGE = 32
MIN_SPREAD = 8.0  # standard deviation of the grey values (0 to 255) of a frame that shows something

# The only loaders that libvips may use. All others are blocked, including those it may gain.
LOADERS = ("Jpeg", "Png", "Webp", "Nsgif", "Tiff", "Heif")


def block_loaders() -> None:
    """Block all of libvips' loaders except LOADERS, for good. Call it before the first file."""
    pyvips.operation_block_set("VipsForeignLoad", True)
    for loader in LOADERS:
        pyvips.operation_block_set(f"VipsForeignLoad{loader}", False)
    pyvips.concurrency_set(1)
    pyvips.cache_set_max(0)


def render(format_: str, file: IO[bytes]) -> Thumbnail:
    """Render a thumbnail of an open file. Raises CannotRender, and any exception of the libraries."""
    if format_ == IMAGE:
        return _shrink(_read_image(file))
    if format_ == PDF:
        return _shrink(_read_page(file))
    return _shrink(_read_frame(file, format_.removeprefix(VIDEO)))


def _shrink(image: Any) -> Thumbnail:
    small = image.thumbnail_image(MAX_EDGE, height=MAX_EDGE, size="down", export_profile="srgb")
    content: bytes = small.webpsave_buffer(Q=QUALITY, keep="none")
    return Thumbnail(small.width, small.height, content)


def _verify_pixels(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise CannotRender(f"The file has {width} by {height} pixels; the limit is {MAX_PIXELS:,} pixels.")


def _read_image(file: IO[bytes]) -> Any:
    """Open an image, to be read once from top to bottom. Its loader shrinks it while reading where it can."""
    header = _open_image(file)
    _verify_pixels(header.width, header.height)
    # libvips can do this itself, but then it renders truncated images as if they were complete.
    ratio = max(header.width, header.height) // MAX_EDGE
    shrink = next((step for step in (8, 4, 2) if ratio >= step), 1)
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
    """Render the first page of a PDF on white."""
    document = pypdfium2.PdfDocument(file)
    page = document[0]
    width, height = page.get_size()
    bitmap = page.render(scale=MAX_EDGE / max(width, height, 1), rev_byteorder=True, may_draw_forms=False)
    channels = bitmap.n_channels
    image = _image_from_pixels(bytes(bitmap.buffer), bitmap.width, bitmap.height, bitmap.stride, channels)
    return image.extract_band(0, n=min(channels, 3))


def _image_from_pixels(pixels: bytes, width: int, height: int, stride: int, channels: int) -> Any:
    """Make an image from rows of pixels, each `stride` bytes apart."""
    if stride != width * channels:
        pixels = b"".join(pixels[row * stride : row * stride + width * channels] for row in range(height))
    image = pyvips.Image.new_from_memory(pixels, width, height, channels, "uchar")
    return image.copy(interpretation="srgb" if channels > 1 else "b-w")


def _read_frame(file: IO[bytes], container_format: str) -> Any:
    """Read the first frame of a video that shows something, or else the frame that shows the most."""
    with av.open(file, mode="r", format=container_format, io_open=_reject_open) as container:
        stream = next(iter(container.streams.video), None)
        if stream is None:
            raise CannotRender("The video has no video stream.")
        _verify_pixels(stream.width, stream.height)
        stream.codec_context.thread_count = 1
        best, best_spread = None, -1.0
        for frame in _frames(container, stream):
            _verify_pixels(frame.width, frame.height)
            if (spread := _spread(frame)) > best_spread:
                best, best_spread = frame, spread
            if spread >= MIN_SPREAD:
                break
        if best is None:
            raise CannotRender("The video has no frames.")
        return _orient(best, stream)


def _reject_open(*_: object) -> IO[bytes]:
    raise CannotRender("The video refers to other files.")


def _frames(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Yield the first frames, then one at each later position, until a frame cannot be read."""
    try:
        for number, frame in enumerate(container.decode(stream), start=1):
            yield frame
            if number == FIRST_FRAMES:
                break
        for position in LATER_POSITIONS:
            if container.duration:
                container.seek(int(container.duration * position))
                yield next(container.decode(stream))
    except (av.FFmpegError, StopIteration):
        return


def _spread(frame: VideoFrame) -> float:
    """The standard deviation of a frame's grey values: near 0 if it is of one colour."""
    plane = frame.reformat(SAMPLE_EDGE, SAMPLE_EDGE, "gray").planes[0]
    pixels = bytes(plane)
    starts = (row * plane.line_size for row in range(SAMPLE_EDGE))  # rows may be padded
    return pstdev(pixel for start in starts for pixel in pixels[start : start + SAMPLE_EDGE])


def _orient(frame: VideoFrame, stream: VideoStream) -> Any:
    """Convert a frame to an image with the proportions and the rotation that players apply."""
    width = frame.width * float(stream.sample_aspect_ratio or 1)
    scale = min(MAX_EDGE / max(width, frame.height), 1.0)
    rgb = frame.reformat(max(round(width * scale), 1), max(round(frame.height * scale), 1), "rgb24")
    plane = rgb.planes[0]
    image = _image_from_pixels(bytes(plane), rgb.width, rgb.height, plane.line_size, 3)
    quarters = round(frame.rotation / 90) % 4  # counterclockwise; libvips rotates clockwise
    return image.rot(f"d{360 - 90 * quarters}") if quarters else image
