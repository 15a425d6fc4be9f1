"""What several verbs share: options, output, exit statuses, connections."""
