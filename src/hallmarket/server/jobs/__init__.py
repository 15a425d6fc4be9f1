"""Work to be done later: asked for inside somebody's transaction, done by the background process of any server."""
