"""The market: purchases, what they leave with whom, and how they are undone."""
