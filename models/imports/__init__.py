"""People out of a file: read, matched to fields, looked at, and merged into a list in the background."""
