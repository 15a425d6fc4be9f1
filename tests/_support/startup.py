"""Server starts that fail with an error message."""

import json
import subprocess

from _support.servers import HALLMARKET, Server


def get_start_error(server: Server, *options: str) -> str:
    """Run `hallmarket serve` with options that it refuses; return the message, printed on stderr and as JSON."""
    command = [HALLMARKET, "serve", "--port", "0", "--json", *options]
    result = subprocess.run(command, env=server.environment, capture_output=True, text=True, timeout=120)
    assert result.returncode == 1, result.stderr
    event = json.loads(result.stdout.splitlines()[-1])
    assert event["event"] == "refused"
    assert result.stderr.endswith(f"hallmarket: {event['message']}\n")
    assert "Traceback" not in result.stderr
    return str(event["message"])
