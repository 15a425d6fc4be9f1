"""Images, videos and PDFs for tests, valid and hostile."""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import av
from PIL import Image

MAGENTA = (200, 40, 160)
STILLS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "AVIF")
frame_of: Any = av.VideoFrame.from_image
VIDEOS = (("mp4", "libx264"), ("matroska", "libx264"), ("avi", "mpeg4"), ("webm", "libvpx"), ("mpegts", "mpeg2video"))


def noisy_image(width: int = 900, height: int = 600) -> Image.Image:
    """An image with detail in every part."""
    grain = Image.effect_noise((width, height), 60)
    return Image.merge("RGB", (grain, grain.rotate(180), Image.linear_gradient("L").resize((width, height))))


def encode(image: Image.Image, format_: str, **options: object) -> bytes:
    """Encode an image in one of Pillow's formats."""
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def make_video(format_: str, codec: str, frames: Iterator[Image.Image]) -> bytes:
    """Make a video of these frames."""
    file = io.BytesIO()
    with av.open(file, "w", format=format_) as container:
        stream: Any = None
        for frame in frames:
            if stream is None:
                stream = container.add_stream(codec, rate=25)
                stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuv420p"
            container.mux(stream.encode(frame_of(frame)))
        container.mux(stream.encode())
    return file.getvalue()


def fade_in(black: int = 30, bright: int = 20, size: tuple[int, int] = (320, 180)) -> Iterator[Image.Image]:
    """Yield frames, of which the first are black."""
    yield from (Image.new("RGB", size) for _ in range(black))
    light = Image.linear_gradient("L").resize(size).convert("RGB")
    yield from (light for _ in range(bright))


def audio_only_mp4() -> bytes:
    """An MP4 with audio and no video."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=44_100, layout="stereo")
        frame = av.AudioFrame(format="fltp", layout="stereo", samples=1024)
        frame.sample_rate, frame.pts = 44_100, 0
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


def black_png(width: int, height: int, rows: int | None = None) -> bytes:
    """A black PNG that declares this size; it has only `rows` rows, if given."""
    compressor = zlib.compressobj(1)
    row = bytes(1 + width)
    body = b"".join(compressor.compress(row) for _ in range(height if rows is None else rows)) + compressor.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", body), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def pdf(*extra: bytes, trailer: bytes = b"") -> bytes:
    """A PDF with one page, half of it magenta, and with extra objects and trailer entries."""
    content = b"0.784 0.157 0.627 rg 0 0 300 400 re f"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 400] /Contents 4 0 R >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        *extra,
    ]
    text, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(text))
        text += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    end = b"trailer << /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, len(text))
    return text + b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table) + end


def encrypted_pdf() -> bytes:
    """A PDF that needs a password."""
    encryption = b"<< /Filter /Standard /V 2 /R 3 /Length 128 /P -4 /O <%s> /U <%s> >>" % (b"a1" * 32, b"b2" * 32)
    file_id = b"<00112233445566778899aabbccddeeff>"
    return pdf(encryption, trailer=b"/Encrypt 5 0 R /ID [%s %s]" % (file_id, file_id))


def rotated(video: bytes) -> bytes:
    """Mark an MP4 to be shown rotated by 90 degrees clockwise."""
    start = video.index(b"tkhd")
    upright = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    sideways = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    at = video.index(upright, start)
    return video[:at] + sideways + video[at + len(upright) :]
