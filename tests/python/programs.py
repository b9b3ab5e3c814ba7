"""Two programs that share a table with ripple, each in its own process.

    python programs.py whole  ENDPOINT SECONDS ID...    reads items, changes one attribute, and puts the items back
    python programs.py counts ENDPOINT SECONDS ID...    counts with its own attributes, under its own lock

Each prints a line of JSON for each write that DynamoDB has confirmed.
"""

import json
import random
import sys
import time

import boto3
from botocore.exceptions import ClientError

from second_writer import TABLE


def whole(table, prj_id, number):
    """Puts back each item with one attribute changed, as a console does. It overwrites every change in between."""
    item = table.get_item(Key={"prj_id": prj_id}, ConsistentRead=True).get("Item")
    if item is None:
        return None
    time.sleep(random.random() * 0.01)
    table.put_item(Item=item | {"issue": f"whole {number}"})
    return {"issue": f"whole {number}"}


def counts(table, prj_id, number):
    """Writes as a careful program does: on condition of the version that it read. The version is its own."""
    item = table.get_item(Key={"prj_id": prj_id}, ConsistentRead=True).get("Item", {})
    seen = item.get("version", 0)
    condition = "version = :seen" if "version" in item else "attribute_not_exists(version)"
    values = {":next": seen + 1, ":mark": {f"m{number}"}} | ({":seen": seen} if "version" in item else {})
    try:
        table.update_item(
            Key={"prj_id": prj_id},
            UpdateExpression="SET version = :next ADD marks :mark",
            ConditionExpression=f"attribute_exists(prj_id) AND {condition}",
            ExpressionAttributeValues=values,
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("ConditionalCheckFailedException", "TransactionConflictException"):
            raise
        return None
    return {"version": int(seen) + 1, "mark": f"m{number}"}


PROGRAMS = {"whole": whole, "counts": counts}


def main(name, endpoint, seconds, *ids):
    options = dict(endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=name, aws_secret_access_key=name)
    table = boto3.resource("dynamodb", **options).Table(TABLE)
    until, number = time.monotonic() + float(seconds), 0
    while time.monotonic() < until:
        prj_id = random.choice(ids)
        done = PROGRAMS[name](table, prj_id, number)
        if done:
            print(json.dumps({"id": prj_id} | done), flush=True)
        number += 1


if __name__ == "__main__":
    main(*sys.argv[1:])
