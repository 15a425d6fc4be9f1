"""Python client of a Hallmarket server, and verification of its log and proofs.

`Hallmarket` is the client of the media API and the public log, `Exchange` that of assets, datasets, wallets and
licences. `LogView` verifies against a live server, `verify_offline` without a network; both use `KnownLogs`. Everything
public is named here; modules whose names begin with an underscore may change.

    from hallmarket.client import AnchorRequest, Hallmarket

    with Hallmarket("http://127.0.0.1:8000", api_key="…") as server:
        anchored = server.anchor(AnchorRequest(hash="…", size=12345, name="scan_1944.tif"))
"""

from typing import TYPE_CHECKING, Any

from hallmarket.client._callbacks import OnBytes, OnWait
from hallmarket.client._dataset_types import Column, DatasetStats, DatasetVersion, Ingested, QueryResult, WriteMode
from hallmarket.client._errors import (
    AlreadyBought,
    FileChanged,
    HallmarketError,
    InsufficientFunds,
    Locked,
    LogRefused,
    ServerUnreachable,
)
from hallmarket.client._exchange_types import (
    Asset,
    AssetRef,
    Balance,
    Charge,
    Currency,
    DeleteResult,
    Me,
    Organization,
    Page,
    Pagination,
    Permission,
    Person,
    Purchase,
    Refund,
    Role,
    SellerTransfer,
    Sent,
    Team,
    Upload,
    WalletTransaction,
)
from hallmarket.client._known_logs import KnownLog, KnownLogs, Trust
from hallmarket.client._licence_types import Licence, LicencePrice, LicenceRole, LicensedAsset
from hallmarket.client._log_view import LogView
from hallmarket.client._media_types import (
    ACCEPTED,
    ANCHORED,
    CREATED,
    FAILED,
    Anchored,
    AnchorRequest,
    BatchResult,
    CheckpointSummary,
    LogSummary,
    LogTransaction,
    MediaItem,
    MediaPage,
    PublicMedia,
    Readiness,
    User,
    UserOrganization,
)
from hallmarket.client._offline import OfflineResult, UnknownLog, verify_offline
from hallmarket.client._version_proof import (
    ReadFile,
    VerifiedVersion,
    VerifyBundle,
    VersionProof,
    is_version_proof,
    verify_version,
)
from hallmarket.proof.bundle import Bundle, Verified
from hallmarket.proof.errors import ProofError
from hallmarket.proof.key import VerifierKey
from hallmarket.proof.manifest import Manifest, ManifestFile

if TYPE_CHECKING:
    from hallmarket.client._exchange import Exchange
    from hallmarket.client._hallmarket import Hallmarket

__all__ = [
    "ACCEPTED",
    "ANCHORED",
    "CREATED",
    "FAILED",
    "AlreadyBought",
    "AnchorRequest",
    "Anchored",
    "Asset",
    "AssetRef",
    "Balance",
    "BatchResult",
    "Bundle",
    "Charge",
    "CheckpointSummary",
    "Column",
    "Currency",
    "DatasetStats",
    "DatasetVersion",
    "DeleteResult",
    "Exchange",
    "FileChanged",
    "Hallmarket",
    "HallmarketError",
    "Ingested",
    "InsufficientFunds",
    "KnownLog",
    "KnownLogs",
    "Licence",
    "LicencePrice",
    "LicenceRole",
    "LicensedAsset",
    "Locked",
    "LogRefused",
    "LogSummary",
    "LogTransaction",
    "LogView",
    "Manifest",
    "ManifestFile",
    "Me",
    "MediaItem",
    "MediaPage",
    "OfflineResult",
    "OnBytes",
    "OnWait",
    "Organization",
    "Page",
    "Pagination",
    "Permission",
    "Person",
    "ProofError",
    "PublicMedia",
    "Purchase",
    "QueryResult",
    "ReadFile",
    "Readiness",
    "Refund",
    "Role",
    "SellerTransfer",
    "Sent",
    "ServerUnreachable",
    "Team",
    "Trust",
    "UnknownLog",
    "Upload",
    "User",
    "UserOrganization",
    "Verified",
    "VerifiedVersion",
    "VerifierKey",
    "VerifyBundle",
    "VersionProof",
    "WalletTransaction",
    "WriteMode",
    "is_version_proof",
    "verify_offline",
    "verify_version",
]


def __getattr__(name: str) -> Any:
    """Import the clients on first use: importing httpx takes longer than verifying a proof offline."""
    if name == "Hallmarket":
        from hallmarket.client._hallmarket import Hallmarket

        return Hallmarket
    if name == "Exchange":
        from hallmarket.client._exchange import Exchange

        return Exchange
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
