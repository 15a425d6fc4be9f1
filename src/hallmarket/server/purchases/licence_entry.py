"""The log entry of a licence, and the claims that it commits to."""

from hallmarket.proof.entry import LicenceClaims, LicenceEntry, LicencePrice, commit
from hallmarket.server.identity.types import iso_time
from hallmarket.server.purchases.types import Sale


def make_claims(sale: Sale) -> LicenceClaims:
    """Return the claims of a sale. A holder of the licence's proof can verify them."""
    return LicenceClaims(
        asset=str(sale.asset_id),
        assetName=sale.asset_name,
        assetType=sale.asset_type,
        buyer=str(sale.buyer_id),
        createdOn=iso_time(sale.created_on),
        license=sale.license_id,
        licenseText=sale.license_text,
        organization=None if sale.organization_id is None else str(sale.organization_id),
        price=LicencePrice(sale.price_minor, sale.currency),
        seller=str(sale.seller_id),
        sha3_512=None if sale.content_sha3_512 is None else sale.content_sha3_512.hex(),
        size=sale.content_size,
        version=sale.dataset_version,
    )


def make_entry(sale: Sale) -> bytes:
    """Return the entry that is appended to the log."""
    return LicenceEntry(commit(sale.salt, make_claims(sale)), str(sale.id)).encode()
