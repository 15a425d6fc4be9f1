"""`hallmarket publish`: upload files and tables, anchor them, and make them assets."""
