"""As much of curl as the documentation's examples use, for machines without it."""

import sys
from argparse import ArgumentParser
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit


def main() -> None:
    """Send one request and print its answer as curl does; an option it does not know is an error."""
    parser = ArgumentParser(prog="curl")
    parser.add_argument("url", type=urlsplit)
    parser.add_argument("-s", action="store_true")
    parser.add_argument("-i", action="store_true", dest="show_headers")
    parser.add_argument("-o", dest="output", type=Path)
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-X", dest="method")
    parser.add_argument("-d", dest="data", action="append", default=[])
    parser.add_argument("-F", dest="form", action="append", default=[])
    parser.add_argument("--data-binary", type=lambda name: Path(name.removeprefix("@")).read_bytes(), default=b"")
    given = parser.parse_args()

    headers = dict(header.split(": ", 1) for header in given.headers)
    body = given.data_binary
    if given.data:
        body = "&".join(given.data).encode()
        headers.setdefault("content-type", "application/x-www-form-urlencoded")
    if given.form:
        body = b"".join(map(_part, given.form)) + b"--tiny--\r\n"
        headers["content-type"] = "multipart/form-data; boundary=tiny"
    connection = HTTPConnection(given.url.hostname, given.url.port, timeout=30)
    target = given.url.path + (f"?{given.url.query}" if given.url.query else "")
    connection.request(given.method or ("POST" if body else "GET"), target, body or None, headers)
    answer = connection.getresponse()

    if given.show_headers:
        lines = "".join(f"{name}: {value}\n" for name, value in answer.getheaders())
        print(f"HTTP/1.1 {answer.status} {answer.reason}\n{lines}", flush=True)
    if given.output:
        given.output.write_bytes(answer.read())
    else:
        sys.stdout.buffer.write(answer.read())


def _part(field: str) -> bytes:
    name, _, value = field.partition("=")
    content, filename = value.encode(), ""
    if value.startswith("@"):
        content, filename = Path(value[1:]).read_bytes(), f'; filename="{Path(value[1:]).name}"'
    return f'--tiny\r\ncontent-disposition: form-data; name="{name}"{filename}\r\n\r\n'.encode() + content + b"\r\n"


if __name__ == "__main__":
    main()
