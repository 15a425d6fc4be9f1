"""Benchmarks, one a file, each with its denominator beside it: `python -m bench`, or `python -m bench.anchor` alone.

They run real servers by the tests' own support module.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
