"""Wallets: accounts, and the transfers between them, which balance and stay."""
