"""What a licence's proof says was bought, in words."""

from hallmarket.cli._shared.output import count_words, money_words, shortened
from hallmarket.proof.entry import LicenceClaims, LicenceEntry


def bought_words(
    entry: LicenceEntry, claims: LicenceClaims | None, place: str, path: str | None, version: str | None
) -> list[str]:
    """The lines of a verdict that say what was bought; `version` says in words what of it a local file is."""
    licence = f"  licence   {entry.id} is {place}"
    if claims is None:
        return ["  what      a purchase; what was bought, by whom and for how much is not disclosed", licence]
    name = "without a name" if claims.assetName is None else f"“{shortened(claims.assetName)}”"
    since = "" if claims.version is None else f", from version {claims.version:,} on"
    organization = "" if claims.organization is None else f", of organization {shortened(claims.organization)}"
    return [
        f"  what      the {shortened(claims.assetType)} {name} was bought{since}",
        f"  asset     {shortened(claims.asset)}{organization}",
        *_file_words(claims, path, version),
        f"  buyer     {shortened(claims.buyer)}",
        f"  seller    {shortened(claims.seller)}",
        f"  price     {money_words(claims.price.amount, claims.price.currency)}",
        *_terms_words(claims),
        licence,
    ]


def _file_words(claims: LicenceClaims, path: str | None, version: str | None) -> list[str]:
    if version is not None:
        return [f"  file      {version}"]
    if claims.sha3_512 is None or claims.size is None:
        return []
    bytes_of = {"dataset": "that version's manifest", "post": "its text, as markdown"}
    which = "this very file" if path else bytes_of.get(claims.assetType, "a file")
    return [f"  file      {which}, {count_words(claims.size, 'byte')} with SHA3-512 {shortened(claims.sha3_512[:16])}…"]


def _terms_words(claims: LicenceClaims) -> list[str]:
    if claims.license is None and claims.licenseText is None:
        return ["  terms     none were given"]
    given = [shortened(text) for text in (claims.license, claims.licenseText) if text is not None]
    return [f"  terms     {given[0]}", *[f"            {text}" for text in given[1:]]]
