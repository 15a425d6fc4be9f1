"""Find the people and assets that a document refers to."""

from uuid import UUID

from hallmarket.server.rich_text.document import Node, attribute, walk
from hallmarket.server.rich_text.links import ASSET_LINK

MAX_REFERENCES = 100  # of each kind; later ones are ignored


def find_mentioned_names(document: Node) -> list[str]:
    """Return the usernames that a document mentions, in lower case."""
    names = (_mentioned_name(node) for node in _list_mentions(document))
    return list(dict.fromkeys(name.lower() for name in names))[:MAX_REFERENCES]


def set_mentioned_ids(document: Node, ids_by_name: dict[str, str]) -> None:
    """Set the person's id in each mention. An id that the author wrote there is replaced."""
    for node in _list_mentions(document):
        name = _mentioned_name(node)
        attrs = {"username": name, "label": name} | (node.get("attrs") or {})
        node["attrs"] = attrs | {"id": ids_by_name.get(name.lower())}


def find_mentioned_ids(document: Node) -> set[UUID]:
    """Return the ids of the people whom a stored document mentions."""
    return {UUID(person) for node in _list_mentions(document) if (person := attribute(node, "id"))}


def find_embedded(document: Node) -> list[UUID]:
    """Return the ids of the assets that a document embeds."""
    ids = [UUID(attribute(node, "id")) for node in walk(document) if node["type"] == "assetComponent"]
    return list(dict.fromkeys(ids))[:MAX_REFERENCES]


def find_linked(document: Node) -> list[UUID]:
    """Return the ids of the assets that a document's links and images refer to, such as `post:<id>`."""
    links = [attribute(mark, "href") for node in walk(document) for mark in node.get("marks") or []]
    links += [attribute(node, "src") for node in walk(document) if node["type"] == "image"]
    ids = [UUID(link.partition(":")[2]) for link in links if isinstance(link, str) and ASSET_LINK.fullmatch(link)]
    return list(dict.fromkeys(ids))[:MAX_REFERENCES]


def _mentioned_name(node: Node) -> str:
    return str(attribute(node, "username") or attribute(node, "label", ""))


def _list_mentions(document: Node) -> list[Node]:
    return [node for node in walk(document) if node["type"] == "mention"]
