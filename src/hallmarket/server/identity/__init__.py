"""Organizations, people, and the API keys and tokens that authenticate them."""
