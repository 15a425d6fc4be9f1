"""Previews: thumbnails of uploaded images, videos and PDFs, made in the background by isolated decoder processes."""
