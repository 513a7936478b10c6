"""What the HTTP transport costs a process that makes no HTTP call."""

import subprocess
import sys


def test_the_client_library_is_not_loaded_before_the_first_call() -> None:
    """Making a transport imports no aiohttp, which would take a fifth of the time to start."""
    code = (
        "import random, sys\n"
        "from autobot.adapters.http.transport import HttpOptions, HttpTransport\n"
        "from autobot.adapters.system.clock import SystemClock\n"
        "HttpTransport('a-b', HttpOptions(), SystemClock(), random.Random(1))\n"
        "print('aiohttp' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
