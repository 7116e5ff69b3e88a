"""What is known: the typed, checked records of the field."""
