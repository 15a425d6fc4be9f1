"""What a document names: people, and assets."""

from uuid import UUID

from hallmarket.server.rich_text.document import Node, attribute, walk
from hallmarket.server.rich_text.links import ASSET_LINK

MAX_NAMES = 100


def find_mentioned_names(document: Node) -> list[str]:
    """Usernames that a document mentions, the first hundred."""
    names = (str(attribute(found, "username") or attribute(found, "label", "")) for found in _mentions(document))
    return list(dict.fromkeys(name.lower() for name in names))[:MAX_NAMES]


def set_mentioned_ids(document: Node, people: dict[str, str]) -> None:
    """Write down in each mention whom it means; an id that a caller wrote there counts for nothing."""
    for found in _mentions(document):
        name = str(attribute(found, "username") or attribute(found, "label", ""))
        attrs = {"username": name, "label": name} | (found.get("attrs") or {})
        found["attrs"] = attrs | {"id": people.get(name.lower())}


def find_mentioned_ids(document: Node) -> set[UUID]:
    """Whom a document that was kept mentions."""
    return {UUID(person) for found in _mentions(document) if (person := attribute(found, "id"))}


def find_embedded(document: Node) -> list[UUID]:
    """The assets that a document shows, the first hundred."""
    ids = [UUID(attribute(found, "id")) for found in walk(document) if found["type"] == "assetComponent"]
    return list(dict.fromkeys(ids))[:MAX_NAMES]


def find_linked(document: Node) -> list[UUID]:
    """The assets that a document's links and pictures lead to, as `post:<id>` does, the first hundred."""
    links = [attribute(mark, "href") for found in walk(document) for mark in found.get("marks") or []]
    links += [attribute(found, "src") for found in walk(document) if found["type"] == "image"]
    ids = [UUID(link.partition(":")[2]) for link in links if isinstance(link, str) and ASSET_LINK.fullmatch(link)]
    return list(dict.fromkeys(ids))[:MAX_NAMES]


def _mentions(document: Node) -> list[Node]:
    return [found for found in walk(document) if found["type"] == "mention"]
