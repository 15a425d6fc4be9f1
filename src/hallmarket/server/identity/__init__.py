"""Organizations, people and the API keys that speak for them."""
