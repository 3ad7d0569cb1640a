"""Reads one exposition from standard input, in the format named by the first argument (text or openmetrics), with
prometheus_client's parser. Prints "ok", or "error: " and why, and exits with 0 either way."""

import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

parse = {"text": parse_text, "openmetrics": parse_openmetrics}[sys.argv[1]]
try:
    # The parsers are generators: only a complete walk sees every error.
    for _ in parse(sys.stdin.buffer.read().decode("utf-8")):
        pass
except Exception as error:  # The parsers raise ValueError, KeyError, IndexError and others for a bad body.
    print("error:", type(error).__name__, error)
else:
    print("ok")
