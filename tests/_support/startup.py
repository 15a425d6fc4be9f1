"""Server starts that fail with an error message."""

import json

from _support.commands import run_command
from _support.servers import Server


def get_start_error(server: Server, *options: str) -> str:
    """Run `hallmarket serve` with options that it refuses; return the message, printed on stderr and as JSON."""
    result = run_command("serve", "--port", "0", "--json", *options, env=server.environment)
    assert result.returncode == 1, result.stderr
    event = json.loads(result.stdout.splitlines()[-1])
    assert event["event"] == "refused"
    assert result.stderr.endswith(f"hallmarket: {event['message']}\n")
    assert "Traceback" not in result.stderr
    return str(event["message"])
