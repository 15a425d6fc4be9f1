"""Posts and comments: rich text, as Markdown and as a document."""
