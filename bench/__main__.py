"""Run every benchmark and print the results: `make bench`, about twenty minutes on two cores."""

import sys

from bench import anchor, batch, catalog, files, fingerprint, ingest, lookup, money, query, thumbnail, tokens, verify
from bench.table import print_rows

if __name__ == "__main__":
    programs = (verify, fingerprint, anchor, batch, lookup, tokens, files, catalog, money, ingest, thumbnail, query)
    sys.exit(not print_rows([row for program in programs for row in program.run()]))
