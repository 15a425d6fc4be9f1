"""Object storage: bytes under names of our own, in a folder or in somebody's cloud."""
