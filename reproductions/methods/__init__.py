"""One method, one file, beside its paper."""
