"""Links in texts: which are safe, and the form in which they are stored."""

import re
from urllib.parse import quote

# A link without a scheme is relative and therefore safe. A colon after `/`, `?` or `#` does not end a scheme.
SCHEME = re.compile(r"([^/?#]*?):", re.DOTALL)
SAFE_SCHEMES = frozenset(("http", "https", "mailto", "tel", "ftp", "doi"))
ASSET_LINK = re.compile(
    r"(asset|post|file|dataset|service|route|quest|action|comment):[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
)
IMAGE_DATA = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]*")
IGNORED = re.compile(r"[\x00-\x20]")  # browsers ignore these when they read the scheme


def is_safe_link(link: str) -> bool:
    """Whether a link is relative, or has a scheme that cannot run code in a browser."""
    bare = IGNORED.sub("", link)
    scheme = SCHEME.match(bare)
    if scheme is None or scheme[1].lower() in SAFE_SCHEMES:
        return True
    return bool(ASSET_LINK.fullmatch(link) or IMAGE_DATA.fullmatch(link))


def normalize_link(link: str) -> str:
    """Percent-encode the characters that would end a link in markdown. Doing so again changes nothing."""
    return quote(link, safe="/:?#@!$&'*+,;=~%-._[]", errors="replace")
