"""Files: assets whose content is bytes, as somebody sent them."""
