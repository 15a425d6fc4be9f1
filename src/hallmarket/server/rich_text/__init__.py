"""Rich text: markdown and documents, each made of the other; their checks; and pages of HTML. It knows of no asset."""
