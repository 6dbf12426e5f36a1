#!/bin/sh
# Prints what stands in the topic, a line a post: its id and the result, NULL where the post was deleted. Needs kcat.
exec kcat -C -q -u -Z -b "${BROKERS:-127.0.0.1:9092}" -t "${TOPIC:-keyphrases}" \
  -o beginning -X isolation.level=read_committed -f '%k: %s\n'
