"""Benchmarks, one per file, each with a baseline from the same run.

`python -m bench` runs all, `python -m bench.anchor` runs one. They start real servers with the helpers of the tests.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
