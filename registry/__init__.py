"""What is known: the typed, checked records of the field.

`load()` gives the whole registry as frozen, documented objects; see `registry.catalog`.
"""

from registry.catalog import Catalog, Inverse, digest, load
from registry.problems import Problem
from registry.schema import (
    Benchmark,
    Claim,
    Entry,
    Fact,
    Method,
    Paper,
    Remark,
    ReportedTable,
    Repository,
    Taxonomy,
    Text,
)

__all__ = [
    "Benchmark",
    "Catalog",
    "Claim",
    "Entry",
    "Fact",
    "Inverse",
    "Method",
    "Paper",
    "Problem",
    "Remark",
    "ReportedTable",
    "Repository",
    "Taxonomy",
    "Text",
    "digest",
    "load",
]
