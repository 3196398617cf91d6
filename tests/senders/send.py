"""Sends events with the official client for Python, as a program written for Event Hubs does.

publish CONNECTION_STRING COUNT PER_BATCH: says `acknowledged FIRST LAST` whenever that many more are.
refusals CONNECTION_STRING: prints as one JSON object how each thing that must not work has failed.
"""

import json
import logging
import sys

from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient

HUB = "clickstream"
logging.disable(logging.CRITICAL)


def client(connection, hub=HUB):
    return EventHubProducerClient.from_connection_string(connection, eventhub_name=hub, retry_total=0)


def event(number, route):
    body = {
        "event_id": f"python-{number}",
        "user_id": f"user-{number % 97}",
        "session_id": f"session-{number % 997}",
        "timestamp": "2026-01-15T10:00:00Z",
        "event_type": "page_view",
        "page_url": "https://example.com/a",
        "referral_source": route,
    }
    data = EventData(json.dumps(body))
    data.properties = {"sender": "python", "number": number, "half": number / 2, "even": number % 2 == 0}
    data.content_type = "application/json"
    return data


def routes(partitions):
    """Every way to say where events go, in turn: by key, to a partition, anywhere."""
    turn = 0
    while True:
        yield f"key-{turn}", {"partition_key": f"key-{turn}"}
        yield f"partition-{turn % partitions}", {"partition_id": str(turn % partitions)}
        yield "any", {}
        turn += 1


def publish(connection, count, per_batch):
    with client(connection) as producer:
        partitions = producer.get_eventhub_properties()["partition_ids"]
        assert [producer.get_partition_properties(id)["id"] for id in partitions] == partitions
        number, ways = 0, routes(len(partitions))
        while number < count:
            first, (route, where) = number, next(ways)
            batch = producer.create_batch(**where)
            try:
                while number < min(first + per_batch, count):
                    batch.add(event(number, route))
                    number += 1
            except ValueError:
                pass
            producer.send_batch(batch)
            print("acknowledged", first, number - 1, flush=True)


def failure(work):
    try:
        work()
        return "it worked"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def send_one(connection, hub=HUB, size=1):
    with client(connection, hub) as producer:
        producer.send_batch([EventData(b"x" * size)])


def too_large(connection):
    """Past the client's own check, which would not let it out: the limit that it was told is forgotten."""
    with client(connection) as producer:
        producer.send_batch([EventData(b"x")])
        sender = producer._producers["all-partitions"]
        producer._max_message_size_on_link = sender._max_message_size_on_link = 1 << 30
        sender._handler._link.remote_max_message_size = 1 << 30
        producer.send_batch([EventData(b"x" * 1_100_000)])


def receive(connection):
    consumer = EventHubConsumerClient.from_connection_string(connection, "$Default", eventhub_name=HUB, retry_total=0)
    with consumer:
        problems = []

        def note(_, error):
            problems.append(error)
            consumer.close()

        consumer.receive(lambda *_: None, on_error=note, partition_id="0", starting_position="-1")
        raise problems[0]


def refusals(connection):
    wrong_key = connection.replace("SAS_KEY_VALUE", "another")
    cases = {
        "wrong hub": lambda: send_one(connection, "another"),
        "wrong key": lambda: send_one(wrong_key),
        "beyond the limit it was told": lambda: send_one(connection, size=1_100_000),
        "too large": lambda: too_large(connection),
        "receiver": lambda: receive(connection),
        "wrong partition": lambda: client(connection).send_batch([EventData(b"x")], partition_id="99"),
        "afterwards": lambda: send_one(connection),
    }
    print(json.dumps({name: failure(work) for name, work in cases.items()}))


match sys.argv[1:]:
    case ["publish", connection, count, per_batch]:
        publish(connection, int(count), int(per_batch))
    case ["refusals", connection]:
        refusals(connection)
