"""Every setting, read once: the defaults, the environment's `HALLMARKET_…`, and the options of `hallmarket serve`."""

import os
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import msgspec

from hallmarket.server.errors import Refusal


class Setting(msgspec.Struct, frozen=True):
    """One setting as it is documented; `name` is its attribute in `Settings`."""

    name: str
    default: str | int | bool
    help: str
    metavar: str
    old_name: str = ""  # accepted for one more release, with a warning

    @property
    def option(self) -> str:
        """The command-line option, such as `--public-url`; the database's URL is plain `--database`."""
        return _option(self.name)

    @property
    def variable(self) -> str:
        """The environment variable, such as `HALLMARKET_PUBLIC_URL`."""
        return _variable(self.name)

    @property
    def old_option(self) -> str:
        """The option's old spelling; "" if it was never renamed."""
        return _option(self.old_name) if self.old_name else ""


def _option(name: str) -> str:
    return "--" + name.replace("_", "-") if name != "database_url" else "--database"


def _variable(name: str) -> str:
    return "HALLMARKET_" + name.upper()


SETTINGS = (
    Setting("host", "127.0.0.1", "address to listen on; loopback unless told otherwise", "ADDRESS"),
    Setting("port", 8000, "port to listen on; 0 takes a free one", "PORT"),
    Setting("data", "", "folder for the embedded database, the log's key and scratch files", "DIR"),
    Setting("database_url", "", "a PostgreSQL of your own, 15 or newer, instead of the embedded one", "URL"),
    Setting("database_connections", 8, "connections each worker keeps for ordinary queries", "N"),
    Setting(
        "workers", 1, "processes that answer HTTP; the sequencer and the background process are always two more", "N"
    ),
    Setting("blobs", "", "where uploaded bytes are kept, s3://…, gs://… or az://…, instead of the data folder", "URL"),
    Setting("table_cache_mib", 10240, "most of a cloud's tables copied into the data folder to be read, MiB", "MIB"),
    Setting("max_upload_mib", 10240, "maximum size of one upload, MiB", "MIB", old_name="most_upload_mib"),
    Setting("query_processes", 2, "queries over datasets that each worker runs at once; as many exports beside", "N"),
    Setting("query_timeout_s", 10, "how long a query over a dataset may take, seconds", "S"),
    Setting("query_memory_mib", 512, "memory that a query over a dataset may take, MiB", "MIB"),
    Setting("public_url", "", "address people reach this server under, told at the start", "URL"),
    Setting("cdn_url", "", "address that those of thumbnails begin with, instead of the server's own", "URL"),
    Setting(
        "log_key", "", "the log's signing key, PRIVATE+KEY+…, instead of the file log.key in the data folder", "KEY"
    ),
    Setting("log_origin", "", "name of a log made at first start; kept for ever after", "NAME"),
    Setting(
        "secret_key", "", "secret that keys the hashes of API keys, instead of the one kept in the database", "TEXT"
    ),
    Setting("platform_fee_bps", 0, "the platform's part of each price, basis points: 250 is 2.5 %", "N"),
    Setting("stripe_secret_key", "", "secret key of a Stripe account, sk_…, to take card payments", "KEY"),
    Setting("stripe_webhook_secret", "", "secret that Stripe signs its events to this server with, whsec_…", "SECRET"),
    Setting("stripe_api_url", "", "address of Stripe's API, where it is not Stripe's own", "URL"),
    Setting("checkpoint_interval_ms", 250, "least time between two checkpoints of the log, milliseconds", "MS"),
    Setting("anchor_batch", 1000, "most anchors committed together; 1 commits each alone", "N"),
    Setting("lookup_cache_mib", 384, "memory a worker may use for public look-ups, MiB; 0 for none", "MIB"),
    Setting("rate_limit_key", 6000, "requests a minute for one API key and its tokens; 0 lifts the limit", "N"),
    Setting(
        "rate_limit_address", 600, "requests a minute without a key or token, for one address; 0 lifts the limit", "N"
    ),
    Setting("rate_limit_failed", 60, "bad keys and tokens a minute for one address; 0 lifts the limit", "N"),
    Setting(
        "rate_limit_storage",
        "",
        "a Redis through which several servers and workers share their counts; redis://…",
        "URL",
    ),
    Setting("trusted_proxies", "", "addresses whose X-Forwarded-For is believed, separated by commas", "ADDRESSES"),
    Setting("shutdown_timeout_s", 30, "how long requests in flight may take to finish at a stop, seconds", "S"),
    Setting("log_level", "info", "least level of the server's own log: debug, info, warning or error", "LEVEL"),
    Setting("log_requests", True, "write a line for every request", "BOOL"),
)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings in force, with their types checked; `read_settings` makes one."""

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
    """Where data goes unless told: /var/lib/hallmarket for root, the XDG data folder for anybody else."""
    if os.geteuid() == 0:
        return Path("/var/lib/hallmarket")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "hallmarket"


def read_settings(given: Mapping[str, object], environ: Mapping[str, str]) -> Settings:
    """Settings from options (None means not given), then the environment, then the defaults.

    Raises Refusal naming the setting whose value cannot be taken.
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
    """One sentence for each setting that is given under its old name, saying the new one."""
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
    """Raises Refusal if card payments are half set up. No secret is in its words."""
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
            "--stripe-secret-key begins with sk_ or rk_, --stripe-webhook-secret with whsec_; look which is which."
        )
    if not settings.public_url.startswith(WEB):
        raise Refusal(
            "--stripe-secret-key needs --public-url, https://…: from Stripe's page people are sent back there."
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
    """Whether a URL can name an object store; so can none at all."""
    scheme, _, place = url.partition("://")
    return not url or (scheme in ("s3", "gs", "az") and bool(place.split("/")[0]))


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
