"""Wallets: people's accounts, and the balanced transfers between them."""
