"""The second writer as Lambda runs it: boto3 under awslambdaric. The benchmarks compare ripple's function with it.

    AWS_LAMBDA_RUNTIME_API=... python -m awslambdaric lambda_function.handler
"""

import boto3

import second_writer

# Made while the function starts, as AWS advises. The connection is open for every later event.
TABLE = boto3.resource("dynamodb").Table(second_writer.TABLE)


def handler(event, context):
    """Answers an event."""
    return second_writer.handler(TABLE, event)


def count(event, context):
    """Returns the number of projects. Reads the list as `search` does, and renders nothing."""
    return len(second_writer.search(TABLE, event))
