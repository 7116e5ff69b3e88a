"""What we measured: methods of the field, re-implemented and run."""
