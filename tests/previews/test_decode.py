"""What becomes of a file in the decoder: a thumbnail, or a quiet reason why there is none."""

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
from hallmarket.server.previews.decode import Decoders
from hallmarket.server.previews.outcome import DecoderDied, Undrawable
from hallmarket.server.previews.sniff import IMAGE, PDF, find_kind
from previews.processes import find_decoders, killing_decoders
from previews.samples import (
    MAGENTA,
    STILLS,
    VIDEOS,
    encode,
    fade_in,
    film,
    flat_png,
    grainy,
    locked_pdf,
    pdf,
    sound,
    turned,
)

Draw = Callable[..., Image.Image]
NOBODY = 65534
MIB = 1024 * 1024
LIMIT = re.compile(r"^Max (.+?)  +\S+ +(\S+)", re.MULTILINE)  # the hard ones


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    """The decoders of a background process, in this one."""
    decoders = Decoders()
    yield decoders
    decoders.close()


@pytest.fixture(scope="module")
def draw(decoders: Decoders) -> Draw:
    """Draws a thumbnail of some bytes; raises Undrawable."""

    def draw(content: bytes, kind: str | None = None) -> Image.Image:
        kind = kind or find_kind(content)
        if kind is None:
            raise Undrawable("unknown")
        with tempfile.TemporaryFile() as file:
            file.write(content)
            file.seek(0)
            drawn = asyncio.run(decoders.draw(kind, file))
        picture = Image.open(io.BytesIO(drawn.content))
        assert (picture.format, picture.size) == ("WEBP", (drawn.width, drawn.height))
        assert max(picture.size) <= 512
        assert not picture.getexif()
        assert "icc_profile" not in picture.info
        return picture

    return draw


def near(picture: Image.Image, place: tuple[int, int], colour: tuple[int, int, int]) -> bool:
    """Whether a pixel has about this colour."""
    found = picture.convert("RGB").getpixel(place)
    return all(abs(one - other) < 24 for one, other in zip(found, colour, strict=True))


def draw_or_say_why(draw: Draw, content: bytes) -> None:
    """Fail unless there is a thumbnail or a reason."""
    try:
        draw(content)
    except Undrawable as error:
        reason = str(error)
    else:
        return
    assert reason


@pytest.mark.parametrize("form", STILLS)
def test_pictures_of_every_form(draw: Draw, form: str) -> None:
    """A picture comes out small, in its proportions and colours, without what the camera wrote into it."""
    picture = draw(encode(Image.new("RGB", (1200, 800), MAGENTA), form))
    assert picture.size == (512, 341)
    assert near(picture, (200, 100), MAGENTA)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "I;16", "RGBA"])
def test_pixels_of_every_kind(draw: Draw, mode: str) -> None:
    """Grey, palettes, bits, sixteen bits a channel: all become colours; what was clear stays clear."""
    picture = draw(encode(Image.new(mode, (700, 700)), "PNG"))
    assert picture.size == (512, 512)
    assert picture.mode == ("RGBA" if mode in ("LA", "RGBA") else "RGB")


def test_pictures_for_print_become_pictures_for_screens(draw: Draw) -> None:
    """A picture in four inks is shown in the colours of screens."""
    picture = draw(encode(Image.new("CMYK", (300, 300), (0, 255, 0, 0)), "JPEG"))
    red, green, blue = picture.convert("RGB").getpixel((150, 150))
    assert red > 180 > 90 > green
    assert blue > 60


def test_what_the_camera_held_sideways_stands_upright(draw: Draw) -> None:
    """The orientation that a camera notes is applied, and gone."""
    photo = Image.new("RGB", (1000, 500), (0, 0, 0))
    photo.paste(MAGENTA, (0, 0, 500, 500))
    exif = photo.getexif()
    exif[0x0112] = 6  # turn by a quarter, clockwise
    exif[0x010F] = "Camera"
    picture = draw(encode(photo, "JPEG", exif=exif))
    assert picture.size == (256, 512)
    assert near(picture, (128, 100), MAGENTA)
    assert near(picture, (128, 400), (0, 0, 0))


def test_small_pictures_stay_small(draw: Draw) -> None:
    """Nothing is made larger than it is."""
    assert draw(encode(grainy(40, 30), "PNG")).size == (40, 30)


@pytest.mark.parametrize(("form", "codec"), VIDEOS)
def test_videos_show_a_frame_with_something_in_it(draw: Draw, form: str, codec: str) -> None:
    """A video that fades in from black is not shown as a black rectangle, in any container."""
    picture = draw(film(form, codec, fade_in()))
    assert picture.size == (320, 180)
    assert picture.convert("L").getpixel((160, 170)) > 150


def test_a_video_that_begins_late_is_searched_further_in(draw: Draw) -> None:
    """If the first seconds show nothing, later ones are looked at."""
    picture = draw(film("mp4", "libx264", fade_in(black=200, bright=200, size=(64, 48))))
    assert picture.convert("L").getpixel((32, 46)) > 150


def test_a_black_video_is_shown_as_it_is(draw: Draw) -> None:
    """A video in which there is nothing to see has a thumbnail all the same."""
    assert draw(film("matroska", "libx264", fade_in(black=5, bright=0))).size == (320, 180)


def test_videos_stand_upright(draw: Draw) -> None:
    """A video that players turn is turned."""
    picture = draw(turned(film("mp4", "libx264", fade_in(0, 3))))
    assert picture.size == (180, 320)
    grey = picture.convert("L")
    assert grey.getpixel((5, 160)) > 150 > 60 > grey.getpixel((175, 160))


def test_the_first_page_of_a_pdf(draw: Draw) -> None:
    """A PDF is shown by its first page, on white."""
    picture = draw(pdf())
    assert picture.size == (512, 342)
    assert near(picture, (100, 100), MAGENTA)
    assert near(picture, (400, 100), (255, 255, 255))


def test_bombs_are_not_lit(draw: Draw) -> None:
    """A picture of 50,000 by 50,000 pixels is refused by what it says of itself, before one of them is read."""
    with pytest.raises(Undrawable, match="50000 by 50000 pixels"):
        draw(flat_png(50_000, 50_000, rows=10))


@pytest.mark.parametrize("form", STILLS)
def test_truncated_pictures(draw: Draw, form: str) -> None:
    """A picture cut off at any tenth of its length has no thumbnail, but a reason."""
    whole = encode(grainy(), form)
    for tenth in range(10):
        with pytest.raises(Undrawable, match=r"\w+"):
            draw(whole[: len(whole) * tenth // 10])


def test_truncated_videos_and_pdfs(draw: Draw) -> None:
    """A video or PDF that was cut off has a thumbnail of what is there, or a reason."""
    for whole in (film("mp4", "libx264", fade_in(0, 9)), film("matroska", "libx264", fade_in(0, 9)), pdf()):
        for tenth in range(10):
            draw_or_say_why(draw, whole[: len(whole) * tenth // 10])


STARTS = (b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\0", b"RIFF\x24\0\0\0WEBP", b"\0\0\0\x1cftypavif")


@settings(max_examples=40)
@given(
    start=st.sampled_from((*STARTS, b"\x1a\x45\xdf\xa3", b"\0\0\0\x18ftypisom", b"OggS", b"%PDF-1.4\n", b"")),
    rest=st.binary(max_size=4000),
)
def test_random_bytes(draw: Draw, start: bytes, rest: bytes) -> None:
    """Whatever bytes follow the start of a known form, there is a thumbnail or a reason, and the decoder lives."""
    draw_or_say_why(draw, start + rest)


@settings(max_examples=25)
@given(form=st.sampled_from(STILLS), place=st.floats(0, 1), bit=st.integers(0, 7))
def test_flipped_bits(draw: Draw, form: str, place: float, bit: int) -> None:
    """A picture with one wrong bit has a thumbnail or a reason, and the decoder lives."""
    damaged = bytearray(encode(Image.linear_gradient("L"), form))
    damaged[int(place * (len(damaged) - 1))] ^= 1 << bit
    draw_or_say_why(draw, bytes(damaged))


def test_videos_without_pictures(draw: Draw) -> None:
    """A video with sound only, and one with no frames at all, have none to show."""
    with pytest.raises(Undrawable, match="no pictures"):
        draw(sound())
    whole = film("matroska", "libx264", fade_in(0, 3))
    with pytest.raises(Undrawable, match=r"no frames|End of file"):
        draw(whole[: whole.index(b"\x1f\x43\xb6\x75")])  # where the first cluster begins


def test_a_locked_pdf(draw: Draw) -> None:
    """A PDF under a password stays closed."""
    with pytest.raises(Undrawable, match="password"):
        draw(locked_pdf())


def test_a_gif_of_ten_thousand_frames(draw: Draw) -> None:
    """Of an animation only the first frame is drawn, however many follow."""
    first, *others = [Image.new("P", (8, 8), number % 2) for number in range(10_000)]
    assert draw(encode(first, "GIF", save_all=True, append_images=others)).size == (8, 8)


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
def test_forms_that_refer_to_other_files_are_not_read(draw: Draw, content: bytes) -> None:
    """What the libraries could read and should not is no picture to us, and is out of the decoder's reach besides."""
    with pytest.raises(Undrawable, match="unknown"):
        draw(content)
    for kind in (IMAGE, PDF, "video/mov"):
        with pytest.raises(Undrawable):
            draw(content, kind)


def test_the_decoder_has_nothing_to_lose(draw: Draw) -> None:
    """The decoder has no environment, is nobody if it can be, and may use little memory and no disk."""
    draw(encode(grainy(), "PNG"))
    (decoder,) = find_decoders()
    assert decoder.environ() == {}
    limits = dict(LIMIT.findall(Path(f"/proc/{decoder.pid}/limits").read_text()))
    assert limits["core file size"] == "0"
    assert limits["address space"] == str(2048 * MIB)
    assert limits["file size"] == str(4 * MIB)
    if os.geteuid() == 0:
        assert set(decoder.uids()) == set(decoder.gids()) == {NOBODY}


def test_a_decoder_that_dies_takes_nothing_along(draw: Draw) -> None:
    """Whoever waits for a decoder that is killed is told, and the next file is drawn as ever."""
    with killing_decoders(), pytest.raises(DecoderDied, match="died"):
        draw(flat_png(15_000, 15_000))
    assert draw(encode(grainy(40, 30), "PNG")).size == (40, 30)


def test_a_decoder_that_was_idle_too_long_ends(decoders: Decoders, draw: Draw) -> None:
    """Closed decoders are gone, and are there again when there is something to do."""
    draw(encode(grainy(40, 30), "PNG"))
    decoders.close()
    wait_until(lambda: not find_decoders())
    assert draw(encode(grainy(40, 30), "PNG")).size == (40, 30)
