"""What might change: sources, proposals, review, apply."""
