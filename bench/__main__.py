"""Run every benchmark and print one table: `make bench`. Takes about twenty minutes on two cores."""

import sys

from bench import anchor, batch, catalog, files, fingerprint, ingest, lookup, money, query, thumbnail, tokens
from bench.table import show

if __name__ == "__main__":
    programs = (fingerprint, anchor, batch, lookup, tokens, files, catalog, money, ingest, thumbnail, query)
    sys.exit(not show([row for program in programs for row in program.run()]))
