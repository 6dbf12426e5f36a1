"""Prints each post's keyphrases as they come, until it is told to stop. Needs the package confluent-kafka."""

import json
import os
import signal

from confluent_kafka import Consumer, KafkaException

consumer = Consumer(
    {
        "bootstrap.servers": os.environ.get("BROKERS", "127.0.0.1:9092"),
        "group.id": os.environ.get("GROUP", "my-trends"),
        "auto.offset.reset": "earliest",
        # Results of transactions that were aborted are left out.
        "isolation.level": "read_committed",
    }
)
running = True


def stop(*_):
    global running
    running = False


signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGTERM, stop)

consumer.subscribe([os.environ.get("TOPIC", "keyphrases")])
try:
    while running:
        message = consumer.poll(0.5)
        if message is None:
            continue
        if message.error():
            raise KafkaException(message.error())
        if message.value() is None:
            print(f"{message.key().decode()}: withdrawn", flush=True)  # The post was deleted.
            continue
        result = json.loads(message.value())
        phrases = [f"{tag['phrase']} ({tag['score']:.2f})" for tag in result["keyphrases"]]
        print(f"{result['id']}: {', '.join(phrases)}", flush=True)
finally:
    consumer.close()
