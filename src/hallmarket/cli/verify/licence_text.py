"""The purchase that the proof of a licence proves, as lines of text."""

from hallmarket.cli._shared.output import format_count, format_money, shortened
from hallmarket.proof.entry import LicenceClaims, LicenceEntry


def licence_lines(
    entry: LicenceEntry, claims: LicenceClaims | None, position: str, path: str | None, version: str | None
) -> list[str]:
    """Return the lines about the purchase; `position` is the entry's, `version` describes the local files, if any."""
    licence = f"  licence   {entry.id} is {position}"
    if claims is None:
        return ["  what      a purchase; its asset, buyer, seller and price are not disclosed", licence]
    name = "without a name" if claims.assetName is None else f"“{shortened(claims.assetName)}”"
    since = "" if claims.version is None else f", from version {claims.version:,} on"
    organization = "" if claims.organization is None else f", of organization {shortened(claims.organization)}"
    return [
        f"  what      the {shortened(claims.assetType)} {name} was bought{since}",
        f"  asset     {shortened(claims.asset)}{organization}",
        *_file_lines(claims, path, version),
        f"  buyer     {shortened(claims.buyer)}",
        f"  seller    {shortened(claims.seller)}",
        f"  price     {format_money(claims.price.amount, claims.price.currency)}",
        *_terms_lines(claims),
        licence,
    ]


def _file_lines(claims: LicenceClaims, path: str | None, version: str | None) -> list[str]:
    if version is not None:
        return [f"  file      {version}"]
    if claims.sha3_512 is None or claims.size is None:
        return []
    content = {"dataset": "that version's manifest", "post": "its text, as markdown"}
    which = "this very file" if path else content.get(claims.assetType, "a file")
    size = format_count(claims.size, "byte")
    return [f"  file      {which}, {size} with SHA3-512 {shortened(claims.sha3_512[:16])}…"]


def _terms_lines(claims: LicenceClaims) -> list[str]:
    if claims.license is None and claims.licenseText is None:
        return ["  terms     none were given"]
    terms = [shortened(text) for text in (claims.license, claims.licenseText) if text is not None]
    return [f"  terms     {terms[0]}", *[f"            {text}" for text in terms[1:]]]
