"""A writer of the project table that is not ripple.

The Lambda function that ripple's table began with: behind API Gateway, a mapping template named the method,
and boto3 did the rest. Such functions are still out there, and consoles and scripts that write as they do; ripple
shares the table with them.
"""

from decimal import Decimal

TABLE = "ripple_prj"

FIELDS = ("prj_id", "name", "goal", "issue", "description", "term", "term_unit", "create_date")


def get(table, event):
    """One project, or None."""
    return table.get_item(Key={"prj_id": event["prj_id"]}, ConsistentRead=True).get("Item")


def search(table, event):
    """Every project, to the last page of the scan."""
    items, page = [], {}
    while True:
        answer = table.scan(ConsistentRead=True, **page)
        items += answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return items
        page = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def create(table, event):
    """Writes the project, over whatever was there."""
    item = {field: event[field] for field in FIELDS}
    return table.put_item(Item=item)


METHODS = {"get": get, "search": search, "create": create}


def handler(table, event):
    """What API Gateway called, the table passed in."""
    return METHODS[event["method"]](table, event)


def event(prj_id, **changes):
    """A creation, as the mapping template made it."""
    project = {
        "method": "create",
        "prj_id": prj_id,
        "name": "Lighthouse",
        "goal": "The lamp turns again",
        "issue": "Salt in the bearings",
        "description": "Dismount, clean, grease, mount",
        "term": Decimal(8),
        "term_unit": "week",
        "create_date": "2020-03-01",
    }
    return project | changes
