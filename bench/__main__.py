"""Run every benchmark and print one table: `make bench`. Takes about ten minutes on two cores."""

import sys

from bench import anchor, batch, catalog, files, fingerprint, lookup, tokens
from bench.table import show

if __name__ == "__main__":
    sys.exit(
        not show(
            [
                *fingerprint.run(),
                *anchor.run(),
                *batch.run(),
                *lookup.run(),
                *tokens.run(),
                *files.run(),
                *catalog.run(),
            ]
        )
    )
