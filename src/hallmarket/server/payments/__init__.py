"""Money in by card: Stripe Checkout, and its signed word that somebody paid."""
