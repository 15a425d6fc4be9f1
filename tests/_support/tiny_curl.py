"""A minimal curl with the options that the documentation's examples use, for machines without curl."""

import sys
from argparse import ArgumentParser
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit


def main() -> None:
    """Send one request and print its response as curl does; unknown options are errors."""
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
    arguments = parser.parse_args()

    headers = dict(header.split(": ", 1) for header in arguments.headers)
    body = arguments.data_binary
    if arguments.data:
        body = "&".join(arguments.data).encode()
        headers.setdefault("content-type", "application/x-www-form-urlencoded")
    if arguments.form:
        body = b"".join(map(_part, arguments.form)) + b"--tiny--\r\n"
        headers["content-type"] = "multipart/form-data; boundary=tiny"
    connection = HTTPConnection(arguments.url.hostname, arguments.url.port, timeout=30)
    target = arguments.url.path + (f"?{arguments.url.query}" if arguments.url.query else "")
    connection.request(arguments.method or ("POST" if body else "GET"), target, body or None, headers)
    response = connection.getresponse()

    if arguments.show_headers:
        lines = "".join(f"{name}: {value}\n" for name, value in response.getheaders())
        print(f"HTTP/1.1 {response.status} {response.reason}\n{lines}", flush=True)
    if arguments.output:
        arguments.output.write_bytes(response.read())
    else:
        sys.stdout.buffer.write(response.read())


def _part(field: str) -> bytes:
    name, _, value = field.partition("=")
    content, filename = value.encode(), ""
    if value.startswith("@"):
        content, filename = Path(value[1:]).read_bytes(), f'; filename="{Path(value[1:]).name}"'
    return f'--tiny\r\ncontent-disposition: form-data; name="{name}"{filename}\r\n\r\n'.encode() + content + b"\r\n"


if __name__ == "__main__":
    main()
