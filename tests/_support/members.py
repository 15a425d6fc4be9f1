"""A person with an API key, as `Server.new_member` creates one."""

from typing import NamedTuple


class Member(NamedTuple):
    """A person in an organization, with a key."""

    organization: str
    person: str
    username: str
    key_id: str
    key: str
