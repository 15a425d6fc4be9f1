"""Where links in a text may lead."""

import re
from urllib.parse import quote

# An address without a scheme is relative, so harmless; a colon after `/`, `?` or `#` makes no scheme.
SCHEME = re.compile(r"([^/?#]*?):", re.DOTALL)
SAFE_SCHEMES = frozenset(("http", "https", "mailto", "tel", "ftp", "doi"))
ASSET = re.compile(
    r"(asset|post|file|dataset|service|route|quest|action|comment):[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
)
PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]*")
IGNORED = re.compile(r"[\x00-\x20]")  # browsers pass over these when they look for the scheme


def is_safe_link(link: str) -> bool:
    """Whether an address is relative, or of a scheme that runs nothing in a reader's browser."""
    bare = IGNORED.sub("", link)
    scheme = SCHEME.match(bare)
    if scheme is None or scheme[1].lower() in SAFE_SCHEMES:
        return True
    return bool(ASSET.fullmatch(link) or PICTURE.fullmatch(link))


def tidy_link(link: str) -> str:
    """An address with everything percent-encoded that would end it in markdown; twice is as once."""
    return quote(link, safe="/:?#@!$&'*+,;=~%-._[]", errors="replace")
