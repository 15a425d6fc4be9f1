"""Rendering in a decoder: every file gives a thumbnail, or the reason why it has none."""

import asyncio
import io
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from _support.waiting import wait_until
from hallmarket.server.previews.decoder_pool import DecoderPool
from hallmarket.server.previews.decoder_protocol import CannotRender, DecoderDied
from hallmarket.server.previews.detect_format import IMAGE, PDF, detect_format
from previews.decoders import find_decoders, kill_decoders
from previews.samples import (
    MAGENTA,
    STILLS,
    VIDEOS,
    audio_only_mp4,
    black_png,
    encode,
    encrypted_pdf,
    fade_in,
    make_video,
    noisy_image,
    pdf,
    rotated,
)

Render = Callable[..., Image.Image]
NOBODY = 65534
MIB = 1024 * 1024
LIMIT = re.compile(r"^Max (.+?)  +\S+ +(\S+)", re.MULTILINE)  # the hard limits


@pytest.fixture(scope="module")
def decoders() -> Iterator[DecoderPool]:
    """A pool of decoders, as the background process has one."""
    decoders = DecoderPool()
    yield decoders
    decoders.close()


@pytest.fixture(scope="module")
def render(decoders: DecoderPool) -> Render:
    """Renders a thumbnail of a file's content; raises CannotRender."""

    def render(content: bytes, kind: str | None = None) -> Image.Image:
        kind = kind or detect_format(content)
        if kind is None:
            raise CannotRender("unknown")
        with tempfile.TemporaryFile() as file:
            file.write(content)
            file.seek(0)
            thumbnail = asyncio.run(decoders.render(kind, file))
        image = Image.open(io.BytesIO(thumbnail.content))
        assert (image.format, image.size) == ("WEBP", (thumbnail.width, thumbnail.height))
        assert max(image.size) <= 512
        assert not image.getexif()
        assert "icc_profile" not in image.info
        return image

    return render


def has_colour(image: Image.Image, position: tuple[int, int], colour: tuple[int, int, int]) -> bool:
    """Whether a pixel has about this colour."""
    found = image.convert("RGB").getpixel(position)
    return all(abs(one - other) < 24 for one, other in zip(found, colour, strict=True))


def verify_rendered_or_rejected(render: Render, content: bytes) -> None:
    """Fail unless a file gives a thumbnail or a reason."""
    try:
        render(content)
    except CannotRender as error:
        reason = str(error)
    else:
        return
    assert reason


@pytest.mark.parametrize("format_", STILLS)
def test_image_formats(render: Render, format_: str) -> None:
    """An image becomes small, with the same proportions and colours, and without metadata."""
    image = render(encode(Image.new("RGB", (1200, 800), MAGENTA), format_))
    assert image.size == (512, 341)
    assert has_colour(image, (200, 100), MAGENTA)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "I;16", "RGBA"])
def test_pixel_formats(render: Render, mode: str) -> None:
    """Grey, palettes, bits and 16 bits per channel become RGB; transparency stays."""
    image = render(encode(Image.new(mode, (700, 700)), "PNG"))
    assert image.size == (512, 512)
    assert image.mode == ("RGBA" if mode in ("LA", "RGBA") else "RGB")


def test_cmyk(render: Render) -> None:
    """A CMYK image is converted to sRGB."""
    image = render(encode(Image.new("CMYK", (300, 300), (0, 255, 0, 0)), "JPEG"))
    red, green, blue = image.convert("RGB").getpixel((150, 150))
    assert red > 180 > 90 > green
    assert blue > 60


def test_exif_orientation(render: Render) -> None:
    """The EXIF orientation is applied and removed."""
    photo = Image.new("RGB", (1000, 500), (0, 0, 0))
    photo.paste(MAGENTA, (0, 0, 500, 500))
    exif = photo.getexif()
    exif[0x0112] = 6  # rotate by 90 degrees clockwise
    exif[0x010F] = "Camera"
    image = render(encode(photo, "JPEG", exif=exif))
    assert image.size == (256, 512)
    assert has_colour(image, (128, 100), MAGENTA)
    assert has_colour(image, (128, 400), (0, 0, 0))


def test_small_images_stay_small(render: Render) -> None:
    """A small image is not enlarged."""
    assert render(encode(noisy_image(40, 30), "PNG")).size == (40, 30)


@pytest.mark.parametrize(("format_", "codec"), VIDEOS)
def test_video_that_fades_in(render: Render, format_: str, codec: str) -> None:
    """A video that fades in from black does not give a black thumbnail, in any container."""
    image = render(make_video(format_, codec, fade_in()))
    assert image.size == (320, 180)
    assert image.convert("L").getpixel((160, 170)) > 150


def test_video_that_begins_late(render: Render) -> None:
    """If the first seconds are black, a later frame is used."""
    image = render(make_video("mp4", "libx264", fade_in(black=200, bright=200, size=(64, 48))))
    assert image.convert("L").getpixel((32, 46)) > 150


def test_black_video(render: Render) -> None:
    """A video that is black throughout has a thumbnail too."""
    assert render(make_video("matroska", "libx264", fade_in(black=5, bright=0))).size == (320, 180)


def test_rotated_video(render: Render) -> None:
    """A video that players rotate is rotated."""
    image = render(rotated(make_video("mp4", "libx264", fade_in(0, 3))))
    assert image.size == (180, 320)
    grey = image.convert("L")
    assert grey.getpixel((5, 160)) > 150 > 60 > grey.getpixel((175, 160))


def test_the_first_page_of_a_pdf(render: Render) -> None:
    """The thumbnail of a PDF is its first page on white."""
    image = render(pdf())
    assert image.size == (512, 342)
    assert has_colour(image, (100, 100), MAGENTA)
    assert has_colour(image, (400, 100), (255, 255, 255))


def test_decompression_bomb(render: Render) -> None:
    """An image that declares 50,000 by 50,000 pixels is rejected before it is decoded."""
    with pytest.raises(CannotRender, match="50000 by 50000 pixels"):
        render(black_png(50_000, 50_000, rows=10))


@pytest.mark.parametrize("format_", STILLS)
def test_truncated_images(render: Render, format_: str) -> None:
    """An image that is cut off at any tenth of its length has no thumbnail, but a reason."""
    whole = encode(noisy_image(), format_)
    for tenth in range(10):
        with pytest.raises(CannotRender, match=r"\w+"):
            render(whole[: len(whole) * tenth // 10])


def test_truncated_videos_and_pdfs(render: Render) -> None:
    """A video or PDF that is cut off has a thumbnail or a reason."""
    for whole in (make_video("mp4", "libx264", fade_in(0, 9)), make_video("matroska", "libx264", fade_in(0, 9)), pdf()):
        for tenth in range(10):
            verify_rendered_or_rejected(render, whole[: len(whole) * tenth // 10])


STARTS = (b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\0", b"RIFF\x24\0\0\0WEBP", b"\0\0\0\x1cftypavif")


@settings(max_examples=40)
@given(
    start=st.sampled_from((*STARTS, b"\x1a\x45\xdf\xa3", b"\0\0\0\x18ftypisom", b"OggS", b"%PDF-1.4\n", b"")),
    rest=st.binary(max_size=4000),
)
def test_random_bytes(render: Render, start: bytes, rest: bytes) -> None:
    """Any bytes after a known signature give a thumbnail or a reason, and the decoder survives."""
    verify_rendered_or_rejected(render, start + rest)


@settings(max_examples=25)
@given(format_=st.sampled_from(STILLS), position=st.floats(0, 1), bit=st.integers(0, 7))
def test_flipped_bits(render: Render, format_: str, position: float, bit: int) -> None:
    """An image with one wrong bit has a thumbnail or a reason, and the decoder survives."""
    damaged = bytearray(encode(Image.linear_gradient("L"), format_))
    damaged[int(position * (len(damaged) - 1))] ^= 1 << bit
    verify_rendered_or_rejected(render, bytes(damaged))


def test_videos_without_frames(render: Render) -> None:
    """A video with audio only, and one without frames, have no thumbnail."""
    with pytest.raises(CannotRender, match="no video stream"):
        render(audio_only_mp4())
    whole = make_video("matroska", "libx264", fade_in(0, 3))
    with pytest.raises(CannotRender, match=r"no frames|End of file"):
        render(whole[: whole.index(b"\x1f\x43\xb6\x75")])  # where the first cluster begins


def test_encrypted_pdf(render: Render) -> None:
    """A PDF with a password has no thumbnail."""
    with pytest.raises(CannotRender, match="password"):
        render(encrypted_pdf())


def test_long_animation(render: Render) -> None:
    """The thumbnail of an animation is its first frame; 10,000 more frames are not read."""
    first, *others = [Image.new("P", (8, 8), number % 2) for number in range(10_000)]
    assert render(encode(first, "GIF", save_all=True, append_images=others)).size == (8, 8)


@pytest.mark.parametrize(
    "content",
    [
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>',
        b"push graphic-context\nviewbox 0 0 9 9\nimage over 0,0 0,0 'msl:/etc/passwd'\npop graphic-context\n",
        b"P6 1 1 255\n\0\0\0",
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
    ],
)
def test_formats_that_refer_to_other_files(render: Render, content: bytes) -> None:
    """Formats that the libraries know and should not read are not detected, and the decoder cannot read them either."""
    with pytest.raises(CannotRender, match="unknown"):
        render(content)
    for kind in (IMAGE, PDF, "video/mov"):
        with pytest.raises(CannotRender):
            render(content, kind)


def test_sandbox(render: Render) -> None:
    """A decoder has no environment, an unprivileged account if possible, little memory and no disk."""
    render(encode(noisy_image(), "PNG"))
    (decoder,) = find_decoders()
    assert decoder.environ() == {}
    limits = dict(LIMIT.findall(Path(f"/proc/{decoder.pid}/limits").read_text()))
    assert limits["core file size"] == "0"
    assert limits["address space"] == str(2048 * MIB)
    assert limits["file size"] == str(4 * MIB)
    if os.geteuid() == 0:
        assert set(decoder.uids()) == set(decoder.gids()) == {NOBODY}


def test_killed_decoder(render: Render) -> None:
    """If a decoder is killed, the caller gets DecoderDied, and the next file is rendered."""
    with kill_decoders(), pytest.raises(DecoderDied, match="died"):
        render(black_png(15_000, 15_000))
    assert render(encode(noisy_image(40, 30), "PNG")).size == (40, 30)


def test_closed_decoders_restart(decoders: DecoderPool, render: Render) -> None:
    """Closed decoders end, and start again for the next file."""
    render(encode(noisy_image(40, 30), "PNG"))
    decoders.close()
    wait_until(lambda: not find_decoders())
    assert render(encode(noisy_image(40, 30), "PNG")).size == (40, 30)
