"""Rich text: converts between markdown and TipTap documents, validates both, and writes HTML. Independent of assets."""
