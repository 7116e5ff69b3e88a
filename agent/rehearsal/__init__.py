"""A made-up outside world on loopback that answers as arXiv, GitHub and the Hub do.

For the tests, for making the demo's recording, and for a maintainer who wants to practise without touching anything.
"""
