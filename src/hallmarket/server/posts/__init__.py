"""Posts and comments: rich text, markdown beside its document form."""
