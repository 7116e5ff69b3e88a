"""Where a person looks at proposals: in the terminal, as plain text, or on one page. All give the same verdicts."""
