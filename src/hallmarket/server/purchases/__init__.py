"""Purchases: buying assets, the licences that buyers receive, and refunds."""
