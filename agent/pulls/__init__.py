"""Proposals and approvals as pull requests: `body` and `ticks` are pure, `remote` speaks to GitHub, `branches` builds.

Two branches, both owned by the agent and derived anew each time: one with the proposals, whose pull request has a tick
box per proposal, and one with a commit per group of what was approved. The default branch is never written to.
"""
