"""Starts that are refused."""

import json
import subprocess

from support import HALLMARKET, Server


def refusal_of_start(server: Server, *options: str) -> str:
    """The words with which `hallmarket serve` refuses to start: on standard error, and as JSON where that was asked."""
    command = [HALLMARKET, "serve", "--port", "0", "--json", *options]
    result = subprocess.run(command, env=server.environment, capture_output=True, text=True, timeout=120)
    assert result.returncode == 1, result.stderr
    event = json.loads(result.stdout.splitlines()[-1])
    assert event["event"] == "refused"
    assert result.stderr.endswith(f"hallmarket: {event['message']}\n")
    assert "Traceback" not in result.stderr
    return str(event["message"])
