"""Settings: read once at start from options of `hallmarket serve`, the environment and the defaults.

Each setting is a field of a frozen Struct with its help text beside it: the server's own in `Settings`, a room's in the
group that its `room.py` announces.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import msgspec

from hallmarket.server.errors import Refusal

URL_SCHEMES = ("https://", "http://")
BASE_URLS = ("public_url", "cdn_url", "stripe_api_url")  # paths are appended to them
BOOLEANS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


class Help(msgspec.Struct, frozen=True):
    """The documentation of a setting; `minimum` is of whole numbers."""

    text: str
    metavar: str
    minimum: int = 0
    old_name: str = ""  # accepted for one more release, with a warning


class SettingsGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the server's own settings and of each room's."""

    def check(self, server: "Settings") -> None:
        """Raises Refusal if values contradict each other. A room's group overrides this."""


class Settings(SettingsGroup, frozen=True, kw_only=True):
    """The server's own settings, and the rooms' groups."""

    host: Annotated[str, Help("address to listen on; the default is loopback", "ADDRESS")] = "127.0.0.1"
    port: Annotated[int, Help("port to listen on; 0 picks a free one", "PORT")] = 8000
    data: Annotated[Path, Help("folder for the embedded database, the log's key and scratch files", "DIR")] = Path()
    database_url: Annotated[
        str, Help("URL of your own PostgreSQL, version 15 or newer, instead of the embedded one", "URL")
    ] = ""
    database_connections: Annotated[int, Help("connections each worker uses for ordinary queries", "N", 1)] = 8
    workers: Annotated[
        int, Help("processes that answer HTTP; the sequencer and the background process are always two more", "N", 1)
    ] = 1
    max_upload_mib: Annotated[int, Help("maximum size of one upload, MiB", "MIB", old_name="most_upload_mib")] = 10240
    public_url: Annotated[str, Help("public address of this server, printed at start", "URL")] = ""
    cdn_url: Annotated[str, Help("base address of thumbnails, instead of the server's own", "URL")] = ""
    rate_limit_key: Annotated[
        int, Help("requests per minute for one API key and its tokens; 0 removes the limit", "N")
    ] = 6000
    rate_limit_address: Annotated[
        int, Help("requests per minute without a key or token, for one address; 0 removes the limit", "N")
    ] = 600
    rate_limit_failed: Annotated[
        int, Help("bad keys and tokens per minute for one address; 0 removes the limit", "N")
    ] = 60
    rate_limit_storage: Annotated[
        str, Help("a Redis through which several servers and workers share their counts; redis://…", "URL")
    ] = ""
    trusted_proxies: Annotated[
        str, Help("addresses whose X-Forwarded-For is trusted, separated by commas", "ADDRESSES")
    ] = ""
    shutdown_timeout_s: Annotated[
        int, Help("how long requests in progress may take to finish when the server stops, seconds", "S")
    ] = 30
    log_level: Annotated[str, Help("minimum level of the server's own log: debug, info, warning or error", "LEVEL")] = (
        "info"
    )
    log_requests: Annotated[bool, Help("write a log line for every request", "BOOL")] = True
    groups: dict[str, SettingsGroup] = {}

    @property
    def max_upload_bytes(self) -> int:
        """The maximum size of one upload, bytes."""
        return self.max_upload_mib * 1024 * 1024

    def of(self, group: type["Group"]) -> "Group":
        """Return a room's settings."""
        found = self.groups[group.__name__]
        assert isinstance(found, group)
        return found

    def check(self, server: "Settings") -> None:  # noqa: ARG002 (it is the server's own)
        """Raises Refusal for a value out of bounds."""
        if self.port > 65535:
            raise Refusal(f"--port must be at most 65535, not {self.port}.")
        if self.log_level not in ("debug", "info", "warning", "error"):
            raise Refusal("--log-level must be debug, info, warning or error.")
        if self.rate_limit_storage:
            _verify_redis(self.rate_limit_storage)
        if self.cdn_url and not self.cdn_url.startswith(URL_SCHEMES):
            raise Refusal("--cdn-url must begin with https:// or http://.")


Group = TypeVar("Group", bound=SettingsGroup)


class Setting(msgspec.Struct, frozen=True):
    """One setting as it is documented; `name` is the attribute in its group."""

    name: str
    default: str | int | bool
    help: str
    metavar: str
    minimum: int
    old_name: str

    @property
    def option(self) -> str:
        """The command-line option, such as `--public-url`. The option for `database_url` is `--database`."""
        return _option(self.name)

    @property
    def variable(self) -> str:
        """The environment variable, such as `HALLMARKET_PUBLIC_URL`."""
        return _variable(self.name)

    @property
    def old_option(self) -> str:
        """The option's old name, or "" if it was never renamed."""
        return _option(self.old_name) if self.old_name else ""


def list_settings(groups: Sequence[type[SettingsGroup]]) -> tuple[Setting, ...]:
    """Return the server's own settings, then those of the groups, in the order they are documented in."""
    every: tuple[type[SettingsGroup], ...] = (Settings, *groups)
    return tuple(setting for group in every for setting in _settings_of(group))


def _settings_of(group: type[SettingsGroup]) -> Sequence[Setting]:
    found = []
    hints = get_type_hints(group, include_extras=True)
    for field in msgspec.structs.fields(group):
        for each in getattr(hints[field.name], "__metadata__", ()):
            if isinstance(each, Help):
                default = "" if isinstance(field.default, Path) else field.default
                found.append(Setting(field.name, default, each.text, each.metavar, each.minimum, each.old_name))
    return found


def _option(name: str) -> str:
    return "--" + name.replace("_", "-") if name != "database_url" else "--database"


def _variable(name: str) -> str:
    return "HALLMARKET_" + name.upper()


def default_data_folder() -> Path:
    """Return the default data folder: /var/lib/hallmarket for root, the XDG data folder for other users."""
    if os.geteuid() == 0:
        return Path("/var/lib/hallmarket")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "hallmarket"


def read_settings(
    given: Mapping[str, object], environ: Mapping[str, str], groups: Sequence[type[SettingsGroup]]
) -> Settings:
    """Read settings from options (None means not given), then the environment, then the defaults.

    Raises Refusal naming the setting whose value cannot be used.
    """
    values = _read_group(Settings, given, environ)
    values["data"] = Path(values["data"] or default_data_folder()).expanduser().absolute()
    read = {group.__name__: msgspec.convert(_read_group(group, given, environ), group) for group in groups}
    settings = msgspec.structs.replace(msgspec.convert(values, Settings), groups=read)
    for group in (settings, *read.values()):
        group.check(settings)
    return settings


def _read_group(group: type[SettingsGroup], given: Mapping[str, object], environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for setting in _settings_of(group):
        names = (setting.name, setting.old_name) if setting.old_name else (setting.name,)
        candidates = [given.get(name) for name in names] + [environ.get(_variable(name)) for name in names]
        raw = next((value for value in candidates if value is not None), None)
        value = setting.default if raw is None else _convert(setting, raw)
        values[setting.name] = str(value).rstrip("/") if setting.name in BASE_URLS else value
    return values


def deprecation_warnings(
    given: Mapping[str, object], environ: Mapping[str, str], settings: Sequence[Setting]
) -> list[str]:
    """Return one sentence for each setting that is given under its old name, with the new one."""
    renamed = [setting for setting in settings if setting.old_name]
    return [
        f"{setting.old_option} is now {setting.option}; the old name stops working in the next release."
        for setting in renamed
        if given.get(setting.old_name) is not None
    ] + [
        f"{_variable(setting.old_name)} is now {setting.variable}; the old name stops working in the next release."
        for setting in renamed
        if _variable(setting.old_name) in environ
    ]


def _verify_redis(url: str) -> None:
    """Raises Refusal if a URL names no Redis, or if the packages of the extra `redis` are not installed."""
    if find_spec("redis") is None:
        raise Refusal(
            "--rate-limit-storage needs the package redis: run `pip install 'hallmarket[redis]'`, or leave it unset."
        )
    from redis.asyncio.connection import parse_url  # imported here because few servers use Redis

    with suppress(ValueError):
        if not parse_url(url).keys().isdisjoint(("host", "path")):
            return
    raise Refusal("--rate-limit-storage must be redis://HOST:PORT/NUMBER, rediss://… or unix:///PATH.")


def _convert(setting: Setting, raw: object) -> str | int | bool:
    if isinstance(setting.default, bool):
        if (word := str(raw).lower()) not in BOOLEANS:
            raise Refusal(f"{setting.option} ({setting.variable}) must be true or false, not {raw!r}.")
        return BOOLEANS[word]
    if isinstance(setting.default, int):
        text = str(raw).strip()
        if not text.isascii() or not text.isdigit() or int(text) < setting.minimum:
            raise Refusal(
                f"{setting.option} ({setting.variable}) must be a whole number from {setting.minimum} up, not {raw!r}."
            )
        return int(text)
    return str(raw)
