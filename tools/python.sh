#!/bin/sh
# Prints the path of the first Python >= 3.11 on this machine; AUTOBOT_PYTHON names another one.
for candidate in ${AUTOBOT_PYTHON:+"$AUTOBOT_PYTHON"} python3 python3.14 python3.13 python3.12 python3.11 python; do
    found=$("$candidate" -c 'import sys; print(sys.executable if sys.version_info >= (3, 11) else "")' 2>/dev/null) || continue
    if [ -n "$found" ]; then
        printf '%s\n' "$found"
        exit 0
    fi
done
echo "AutoBot needs Python 3.11 or newer, and none was found as python3, python3.11 ... python3.14 or python." >&2
echo "Install one (Debian: apt install python3 python3-venv), or name it: make run AUTOBOT_PYTHON=/path/to/python" >&2
exit 1
