"""Teams of an organization: members, requests to join, and bans."""
