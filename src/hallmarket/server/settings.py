"""Settings of the server, from the options of `hallmarket serve`, the environment's `HALLMARKET_…`, and defaults."""

import os
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import msgspec

from hallmarket.server.errors import Refusal


class Setting(msgspec.Struct, frozen=True):
    """The definition of one setting. `name` is its attribute in `Settings`."""

    name: str
    default: str | int | bool
    help: str
    metavar: str
    old_name: str = ""  # accepted for one more release, with a warning

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


def _option(name: str) -> str:
    return "--" + name.replace("_", "-") if name != "database_url" else "--database"


def _variable(name: str) -> str:
    return "HALLMARKET_" + name.upper()


SETTINGS = (
    Setting("host", "127.0.0.1", "address to listen on; the default is loopback", "ADDRESS"),
    Setting("port", 8000, "port to listen on; 0 picks a free one", "PORT"),
    Setting("data", "", "folder for the embedded database, the log's key and scratch files", "DIR"),
    Setting("database_url", "", "URL of your own PostgreSQL, version 15 or newer, instead of the embedded one", "URL"),
    Setting("database_connections", 8, "connections each worker uses for ordinary queries", "N"),
    Setting(
        "workers", 1, "processes that answer HTTP; the sequencer and the background process are always two more", "N"
    ),
    Setting(
        "blobs", "", "where uploaded bytes are stored, s3://…, gs://… or az://…, instead of the data folder", "URL"
    ),
    Setting("table_cache_mib", 10240, "maximum size of the copies of a cloud's tables in the data folder, MiB", "MIB"),
    Setting("max_upload_mib", 10240, "maximum size of one upload, MiB", "MIB", old_name="most_upload_mib"),
    Setting(
        "query_processes", 2, "queries over datasets that each worker runs at the same time, and as many exports", "N"
    ),
    Setting("query_timeout_s", 10, "time limit of a query over a dataset, seconds", "S"),
    Setting("query_memory_mib", 512, "memory limit of a query over a dataset, MiB", "MIB"),
    Setting("public_url", "", "public address of this server, printed at start", "URL"),
    Setting("cdn_url", "", "base address of thumbnails, instead of the server's own", "URL"),
    Setting(
        "log_key", "", "the log's signing key, PRIVATE+KEY+…, instead of the file log.key in the data folder", "KEY"
    ),
    Setting("log_origin", "", "name of the log, fixed for good at the first start", "NAME"),
    Setting(
        "secret_key", "", "secret that keys the hashes of API keys, instead of the one stored in the database", "TEXT"
    ),
    Setting("platform_fee_bps", 0, "the platform's share of each price, basis points: 250 is 2.5 %", "N"),
    Setting("stripe_secret_key", "", "secret key of a Stripe account, sk_…, to take card payments", "KEY"),
    Setting("stripe_webhook_secret", "", "secret with which Stripe signs its events to this server, whsec_…", "SECRET"),
    Setting("stripe_api_url", "", "address of Stripe's API, if it is not Stripe's own", "URL"),
    Setting("checkpoint_interval_ms", 250, "minimum time between two checkpoints of the log, milliseconds", "MS"),
    Setting("anchor_batch", 1000, "maximum number of anchors committed together; 1 commits each alone", "N"),
    Setting(
        "lookup_cache_mib", 384, "memory limit of each worker's cache of public look-ups, MiB; 0 disables it", "MIB"
    ),
    Setting("rate_limit_key", 6000, "requests per minute for one API key and its tokens; 0 removes the limit", "N"),
    Setting(
        "rate_limit_address",
        600,
        "requests per minute without a key or token, for one address; 0 removes the limit",
        "N",
    ),
    Setting("rate_limit_failed", 60, "bad keys and tokens per minute for one address; 0 removes the limit", "N"),
    Setting(
        "rate_limit_storage",
        "",
        "a Redis through which several servers and workers share their counts; redis://…",
        "URL",
    ),
    Setting("trusted_proxies", "", "addresses whose X-Forwarded-For is trusted, separated by commas", "ADDRESSES"),
    Setting(
        "shutdown_timeout_s", 30, "how long requests in progress may take to finish when the server stops, seconds", "S"
    ),
    Setting("log_level", "info", "minimum level of the server's own log: debug, info, warning or error", "LEVEL"),
    Setting("log_requests", True, "write a log line for every request", "BOOL"),
)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The effective settings, with checked types. `read_settings` creates them."""

    host: str
    port: int
    data: Path
    database_url: str
    database_connections: int
    workers: int
    blobs: str
    table_cache_mib: int
    max_upload_mib: int
    query_processes: int
    query_timeout_s: int
    query_memory_mib: int
    public_url: str
    cdn_url: str
    log_key: str
    log_origin: str
    secret_key: str
    platform_fee_bps: int
    stripe_secret_key: str
    stripe_webhook_secret: str
    stripe_api_url: str
    checkpoint_interval_ms: int
    anchor_batch: int
    lookup_cache_mib: int
    rate_limit_key: int
    rate_limit_address: int
    rate_limit_failed: int
    rate_limit_storage: str
    trusted_proxies: str
    shutdown_timeout_s: int
    log_level: str
    log_requests: bool


WEB = ("https://", "http://")
MINIMUMS = {
    "workers": 1,
    "query_processes": 1,
    "query_timeout_s": 1,
    "query_memory_mib": 64,
    "database_connections": 1,
    "anchor_batch": 1,
    "checkpoint_interval_ms": 10,
}


def default_data_folder() -> Path:
    """Return the default data folder: /var/lib/hallmarket for root, a folder in XDG_DATA_HOME for other users."""
    if os.geteuid() == 0:
        return Path("/var/lib/hallmarket")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "hallmarket"


def read_settings(given: Mapping[str, object], environ: Mapping[str, str]) -> Settings:
    """Read each setting from the options (None means not given), else the environment, else its default.

    Raises Refusal, naming the setting, if a value is invalid.
    """
    values: dict[str, object] = {}
    for setting in SETTINGS:
        names = (setting.name, setting.old_name) if setting.old_name else (setting.name,)
        candidates = [given.get(name) for name in names] + [environ.get(_variable(name)) for name in names]
        raw = next((value for value in candidates if value is not None), None)
        values[setting.name] = setting.default if raw is None else _convert(setting, raw)
    values["data"] = Path(str(values["data"]) or default_data_folder()).expanduser().absolute()
    port = values["port"]
    assert isinstance(port, int)
    if port > 65535:
        raise Refusal(f"--port must be at most 65535, not {port}.")
    if int(str(values["platform_fee_bps"])) > 10_000:
        raise Refusal("--platform-fee-bps must be at most 10000, which is all of the price.")
    if values["log_level"] not in ("debug", "info", "warning", "error"):
        raise Refusal("--log-level must be debug, info, warning or error.")
    if values["rate_limit_storage"]:
        _verify_redis(str(values["rate_limit_storage"]))
    if not _is_store(str(values["blobs"])):
        raise Refusal("--blobs must be s3://BUCKET/FOLDER, gs://BUCKET/FOLDER or az://CONTAINER/FOLDER.")
    for name in ("public_url", "cdn_url", "stripe_api_url"):
        values[name] = str(values[name]).rstrip("/")
    if values["cdn_url"] and not str(values["cdn_url"]).startswith(WEB):
        raise Refusal("--cdn-url must begin with https:// or http://.")
    settings = msgspec.convert(values, Settings)
    _verify_stripe(settings)
    return settings


def deprecation_warnings(given: Mapping[str, object], environ: Mapping[str, str]) -> list[str]:
    """Return one sentence with the new name for each setting that is given under its old name."""
    renamed = [setting for setting in SETTINGS if setting.old_name]
    return [
        f"{setting.old_option} is now {setting.option}; the old name stops working in the next release."
        for setting in renamed
        if given.get(setting.old_name) is not None
    ] + [
        f"{_variable(setting.old_name)} is now {setting.variable}; the old name stops working in the next release."
        for setting in renamed
        if _variable(setting.old_name) in environ
    ]


def _verify_stripe(settings: Settings) -> None:
    """Raise Refusal if the settings for card payments are incomplete or invalid. The message contains no secret."""
    key, secret = settings.stripe_secret_key, settings.stripe_webhook_secret
    if settings.stripe_api_url and not settings.stripe_api_url.startswith(WEB):
        raise Refusal("--stripe-api-url must begin with https:// or http://.")
    if not key and not secret:
        return
    if not key or not secret:
        raise Refusal(
            "--stripe-secret-key and --stripe-webhook-secret go together: set both to take card payments, or neither."
        )
    if not key.startswith(("sk_", "rk_")) or not secret.startswith("whsec_"):
        raise Refusal(
            "--stripe-secret-key begins with sk_ or rk_, and --stripe-webhook-secret with whsec_. "
            "Check that they are not swapped."
        )
    if not settings.public_url.startswith(WEB):
        raise Refusal(
            "--stripe-secret-key needs --public-url, https://…: Stripe's page sends people back to that address."
        )
    if find_spec("stripe") is None:
        raise Refusal(
            "--stripe-secret-key needs the package stripe: run `pip install 'hallmarket[stripe]'`, or leave it unset."
        )


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


def _is_store(url: str) -> bool:
    """True if the URL names an object store, or is empty."""
    scheme, _, path = url.partition("://")
    return not url or (scheme in ("s3", "gs", "az") and bool(path.split("/")[0]))


def _convert(setting: Setting, raw: object) -> str | int | bool:
    if isinstance(setting.default, bool):
        words = {
            "1": True,
            "true": True,
            "yes": True,
            "on": True,
            "0": False,
            "false": False,
            "no": False,
            "off": False,
        }
        if (word := str(raw).lower()) not in words:
            raise Refusal(f"{setting.option} ({setting.variable}) must be true or false, not {raw!r}.")
        return words[word]
    if isinstance(setting.default, int):
        minimum = MINIMUMS.get(setting.name, 0)
        text = str(raw).strip()
        if not text.isascii() or not text.isdigit() or int(text) < minimum:
            raise Refusal(
                f"{setting.option} ({setting.variable}) must be a whole number from {minimum} up, not {raw!r}."
            )
        return int(text)
    return str(raw)
