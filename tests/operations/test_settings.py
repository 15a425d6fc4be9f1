"""Settings: each has an option and a variable, is checked at the start, shown by `--help` and documented."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from _support.servers import HALLMARKET, new_server
from _support.startup import get_start_error
from hallmarket.server.errors import Refusal
from hallmarket.server.rooms import SETTINGS, load_settings
from hallmarket.server.settings import Setting, Settings, deprecation_warnings

DOCS = Path(__file__).parents[2] / "docs"
ROW = re.compile(r"^\| `(--[a-z-]+)` \| `(HALLMARKET_[A-Z_]+)` \| (?:`([^`]*)`)? ?\| (.+) \|$", re.MULTILINE)
NAMES = [setting.name for setting in SETTINGS]
STRIPE = {"stripe_secret_key": "sk_test_1", "stripe_webhook_secret": "whsec_1", "public_url": "https://a.example"}
OTHER = {str: "other", int: "77", bool: "no"}


@pytest.fixture(scope="module")
def help_text() -> str:
    """`hallmarket serve --help`, its lines joined."""
    result = subprocess.run([HALLMARKET, "serve", "--help"], capture_output=True, text=True, check=True)
    return " ".join(result.stdout.split())


def shown_default(setting: Setting) -> str:
    """Return a setting's default as it is written in the documentation."""
    return str(setting.default).lower() if isinstance(setting.default, bool) else str(setting.default)


def value_of(settings: Settings, name: str) -> object:
    """Return the value of a setting of the server or of a room."""
    groups = [settings, *settings.groups.values()]
    return next(getattr(group, name) for group in groups if hasattr(group, name))


def test_no_setting_is_announced_twice() -> None:
    """Names, options and variables of settings are unique over all rooms."""
    assert len(set(NAMES)) == len(NAMES)
    assert (
        len({setting.option for setting in SETTINGS}) == len({setting.variable for setting in SETTINGS}) == len(NAMES)
    )


@pytest.mark.parametrize("setting", SETTINGS, ids=NAMES)
def test_help_shows_every_setting(help_text: str, setting: Setting) -> None:
    """`hallmarket serve --help` shows each setting's option, meaning, default and variable."""
    default = "" if setting.default == "" else f"; {shown_default(setting)} unless set"
    assert f"{setting.option} {setting.metavar} {setting.help}{default} [{setting.variable}]" in help_text


def test_reference_documents_every_setting() -> None:
    """docs/reference/settings.md has a row for each setting, and no other: option, variable, default and meaning."""
    rows = ROW.findall((DOCS / "reference" / "settings.md").read_text())
    expected = [(setting.option, setting.variable, shown_default(setting)) for setting in SETTINGS]
    assert [row[:3] for row in rows] == expected
    assert all(len(row[3]) > 10 for row in rows)


@pytest.mark.parametrize("setting", SETTINGS, ids=NAMES)
def test_option_wins_over_environment_over_default(setting: Setting) -> None:
    """A setting has the value of its option, else of its variable, else its default; other variables are ignored."""
    kind = type(setting.default)
    value, third = OTHER[kind], {str: "third", int: "78", bool: "yes"}[kind]
    if setting.name == "log_level":
        value, third = "debug", "error"
    if setting.name == "blobs":
        value, third = "s3://registry/media", "gs://registry"
    if setting.name == "rate_limit_storage":
        value, third = "redis://10.0.0.1:6379/0", "unix:///run/redis.sock"
    if setting.name in STRIPE:
        value, third = STRIPE[setting.name], STRIPE[setting.name] + "23"
    if setting.name == "stripe_api_url":
        value, third = "https://stripe.example.org", "http://10.0.0.1:12111"
    if setting.name == "cdn_url":
        value, third = "https://cdn.example.org", "http://10.0.0.1/thumbnails"

    def read(given: dict[str, object], environ: dict[str, str]) -> object:
        beside = {f"HALLMARKET_{name.upper()}": known for name, known in STRIPE.items() if setting.name in STRIPE}
        settings = load_settings(given, beside | environ)
        return str(value_of(settings, setting.name)).removeprefix(f"{Path.cwd()}/").replace("False", "no")

    assert read({}, {setting.variable: value}) == value
    assert read({setting.name: value}, {setting.variable: third}) == value
    assert read({setting.name: None}, {setting.variable: value}) == value
    if setting.name != "data":
        assert value_of(load_settings({}, {"HALLMARKET_OTHER": "1"}), setting.name) == setting.default


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            (name, value)
            for name in ("port", "workers", "anchor_batch")
            for value in ("-1", "1.5", "many", "", "\u0663")
        ),
        ("workers", "0"),
        ("database_connections", "0"),
        ("anchor_batch", "0"),
        ("checkpoint_interval_ms", "9"),
        ("port", "65536"),
        ("log_requests", "perhaps"),
        ("log_level", "loud"),
        ("cdn_url", "cdn.example.org"),
        ("stripe_api_url", "api.example.org"),
        ("stripe_secret_key", "sk_test_1"),
        ("stripe_webhook_secret", "whsec_1"),
        *(("blobs", url) for url in ("nonsense", "s3:", "s3://", "s3:///x", "ftp://x/y", "/srv/blobs")),
        *(
            ("rate_limit_storage", url)
            for url in (
                "memory://",
                "redis",
                "redis://",
                "redis://a:many",
                "redis://[",
                "unix://",
                "redis://a?socket_timeout=x",
            )
        ),
    ],
)
def test_value_that_cannot_be_taken_is_refused(name: str, value: str) -> None:
    """A value of the wrong type or out of range is refused with a message that names the setting."""
    setting = next(one for one in SETTINGS if one.name == name)
    for given, environ in (({name: value}, {}), ({}, {setting.variable: value})):
        with pytest.raises(Refusal, match=re.escape(setting.option)):
            load_settings(given, environ)


def test_refused_value_ends_the_start_in_words() -> None:
    """A server with an invalid setting does not start, names the setting, and creates no folder."""
    with new_server(start=False, port="eighty") as server:
        server.settings["workers"] = "none"
        words = get_start_error(server)
        assert "--workers (HALLMARKET_WORKERS) must be a whole number from 1 up, not 'none'" in words
        assert not server.data.exists()


def test_booleans_have_the_usual_words() -> None:
    """Boolean settings accept the usual words in any case."""
    for word in ("1", "true", "YES", "On"):
        assert load_settings({}, {"HALLMARKET_LOG_REQUESTS": word}).log_requests is True
    for word in ("0", "false", "NO", "Off"):
        assert load_settings({}, {"HALLMARKET_LOG_REQUESTS": word}).log_requests is False


def test_renamed_setting_keeps_its_old_name_for_a_release() -> None:
    """A setting's old option and variable still work, and are reported with the new name; the new name wins."""
    renamed = next(setting for setting in SETTINGS if setting.old_name)
    old_variable = f"HALLMARKET_{renamed.old_name.upper()}"
    assert value_of(load_settings({renamed.old_name: "77"}, {}), renamed.name) == 77
    assert value_of(load_settings({}, {old_variable: "77"}), renamed.name) == 77
    assert value_of(load_settings({}, {old_variable: "77", renamed.variable: "78"}), renamed.name) == 78
    (by_option,) = deprecation_warnings({renamed.old_name: "77"}, {}, SETTINGS)
    (by_variable,) = deprecation_warnings({}, {old_variable: "77"}, SETTINGS)
    assert renamed.old_option in by_option
    assert renamed.option in by_option
    assert old_variable in by_variable
    assert renamed.variable in by_variable
    assert deprecation_warnings({renamed.name: "77"}, {renamed.variable: "77"}, SETTINGS) == []


def test_public_url_has_no_slash_at_its_end() -> None:
    """Slashes at the end of the public URL are removed."""
    assert load_settings({"public_url": "https://a.example//"}, {}).public_url == "https://a.example"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stripe_secret_key": "whsec_hidden", "stripe_webhook_secret": "sk_live_hidden"}, "not swapped"),
        ({"stripe_secret_key": "pk_live_hidden"}, "not swapped"),
        ({"public_url": ""}, "needs --public-url"),
        ({"public_url": "a.example"}, "needs --public-url"),
    ],
)
def test_card_payments_are_set_up_whole_or_not_at_all(change: dict[str, object], words: str) -> None:
    """Incomplete or contradictory settings are refused with a message that contains no secret."""
    with pytest.raises(Refusal, match=words) as refused:
        load_settings(STRIPE | change, {})
    assert "hidden" not in str(refused.value)


def test_card_payments_need_their_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra's package, card payments are refused with the command that installs it."""
    monkeypatch.setitem(sys.modules, "stripe", None)
    with pytest.raises(Refusal, match=re.escape("pip install 'hallmarket[stripe]'")):
        load_settings(STRIPE, {})
    assert value_of(load_settings({}, {}), "stripe_secret_key") == ""


def test_shared_rate_limits_need_their_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra's package, a Redis for rate limits is refused with the command that installs it."""
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(Refusal, match=re.escape("pip install 'hallmarket[redis]'")):
        load_settings({"rate_limit_storage": "redis://localhost"}, {})
    assert load_settings({}, {}).rate_limit_storage == ""
