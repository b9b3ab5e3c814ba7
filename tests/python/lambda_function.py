"""The second writer as Lambda runs it: boto3 under awslambdaric. What ripple's own function is measured beside.

    AWS_LAMBDA_RUNTIME_API=... python -m awslambdaric lambda_function.handler
"""

import boto3

import second_writer

# Made while the function starts, as AWS advises: the connection is there for every later event.
TABLE = boto3.resource("dynamodb").Table(second_writer.TABLE)


def handler(event, context):
    """Answers an event."""
    return second_writer.handler(TABLE, event)


def count(event, context):
    """How many projects there are: reads the list as `search` does, and has nothing to render."""
    return len(second_writer.search(TABLE, event))
