"""Tasks and scorers, one benchmark a file."""
