"""A writer of the project table that is not ripple: the legacy function.

It is the Lambda function that first wrote ripple's table. Behind API Gateway, a mapping template named the method,
and
boto3 did the rest. Such functions are still in use, and so are consoles and scripts that write in the same way.
ripple
shares the table with them.
"""

from decimal import Decimal

TABLE = "ripple_prj"

FIELDS = ("prj_id", "name", "goal", "issue", "description", "term", "term_unit", "create_date")


def get(table, event):
    """Returns one project, or None."""
    return table.get_item(Key={"prj_id": event["prj_id"]}, ConsistentRead=True).get("Item")


def search(table, event):
    """Returns every project, up to the last page of the scan."""
    items, page = [], {}
    while True:
        answer = table.scan(ConsistentRead=True, **page)
        items += answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return items
        page = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def create(table, event):
    """Writes the project, and overwrites an existing one."""
    item = {field: event[field] for field in FIELDS}
    return table.put_item(Item=item)


METHODS = {"get": get, "search": search, "create": create}


def handler(table, event):
    """The handler that API Gateway called. The table is an argument."""
    return METHODS[event["method"]](table, event)


def event(prj_id, **changes):
    """Returns a creation event as the mapping template made it."""
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
