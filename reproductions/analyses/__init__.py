"""Analyses of the KORE paper (arXiv:2510.19316) as experiments: what the leaderboard's rows rest on, one file each."""
