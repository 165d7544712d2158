#!/bin/sh
# `fleet` beside the Python of an environment whose folder, such as .venv, stands among the project's: copied there.
bin=$(dirname "$0")
project=$(cd "$bin/../.." && pwd) || exit
start='import sys; sys.path.insert(0, sys.argv.pop(1)); from fleet.__main__ import app; app(prog_name="fleet")'
exec "$bin/python" -P -c "$start" "$project" "$@"
