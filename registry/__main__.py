"""`python -m registry …` is `aki registry …`."""

import sys

from registry.cli import main

raise SystemExit(main(sys.argv[1:]))
