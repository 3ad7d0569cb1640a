"""Reads a JSON list of expositions, each in base64, from standard input, all in the format named by the first argument
(text or openmetrics), with prometheus_client's parser. Prints a JSON list with, for each, null or why it is refused, and
exits with 0 either way."""

import base64
import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

parse = {"text": parse_text, "openmetrics": parse_openmetrics}[sys.argv[1]]


def problem(body):
    try:
        # The parsers are generators: only a complete walk sees every error.
        for _ in parse(base64.b64decode(body).decode("utf-8")):
            pass
    except Exception as error:  # The parsers raise ValueError, KeyError, IndexError and others for a bad body.
        return f"{type(error).__name__} {error}"
    return None


print(json.dumps([problem(body) for body in json.load(sys.stdin)]))
