"""Uploaded bytes: objects in a local folder, S3, GCS or Azure, each with a row in the database."""
