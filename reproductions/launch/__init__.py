"""Runs on more than one process or machine: one run on many accelerators, many runs on many machines."""
