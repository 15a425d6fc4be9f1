"""What a licence says to whoever holds its proof, and the entry that commits to it in the log."""

from hallmarket.proof.entry import LicenceClaims, LicenceEntry, LicencePrice, commit
from hallmarket.server.identity.types import iso_time
from hallmarket.server.purchases.types import Sale


def make_claims(sale: Sale) -> LicenceClaims:
    """What a licence's entry commits to."""
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
    """The log's entry of a sale, as it is appended."""
    return LicenceEntry(commit(sale.salt, make_claims(sale)), str(sale.id)).encode()
