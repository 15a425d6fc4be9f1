"""Files: assets whose content is a sequence of bytes, stored exactly as sent."""
