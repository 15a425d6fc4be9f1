"""Card payments into wallets through Stripe Checkout."""
