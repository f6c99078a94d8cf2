"""The decisions of the NAT program, in Python: which port a new flow gets, or why it gets none.

As src/dualwan/slices/snat/README.md tells them, for flows that all stay alive, without a word of
nft: tests/netns/test_nat_model.py holds the two against each other.
"""

from collections import Counter, defaultdict

REFUSED, LOST = "refused", "lost"


class Model:
    """A pool of ports with a quota: LIMIT ports a host and destination, None without one."""

    def __init__(self, pool, limit=None):
        self.pool, self.limit = pool, limit
        self.uncounted = pool.bucket_size if pool.buckets else 0
        self.used, self.mappings, self.metered = set(), {}, set()
        self.counted = defaultdict(set)  # flows by protocol, host and destination
        self.turn = Counter()  # of each place

    def flow(self, kind, host, port, *to):
        """Return the port outside of a flow's first packet, REFUSED or LOST."""
        endpoint, pair, me = (kind, host, port), (kind, host, to), (kind, host, port, to)
        bucket = self._bucket(kind, host)
        if self.limit and not self._asked(endpoint, pair, me, bucket):
            return REFUSED
        own = self.mappings.get(endpoint)
        if own and (kind, own, to) not in self.used:
            if bucket and own not in self.pool.buckets[bucket[1]]:
                self._meter(pair, me)
            return self._claim(endpoint, own, to)
        free = self._try(bucket, kind, to) if bucket else None
        if free is None and bucket:
            self._meter(pair, me, again=bool(own))
        for place in ("overflow", "all_bucket_ports"):
            free = free or self._try((kind, place), kind, to)
        if free:
            return self._claim(endpoint, free, to)
        for place in ("overflow", "all_bucket_ports"):  # once more, in case a connection is gone
            self._next((kind, place))
        return LOST

    def _asked(self, endpoint, pair, me, bucket):
        """Return whether the quota lets the flow pass."""
        kind, to, own = pair[0], pair[2], self.mappings.get(endpoint)
        if bucket is None:
            self.counted[pair].add(me)
            return len(self.counted[pair]) <= self.limit
        if pair not in self.metered:
            return True
        if own and (own in self.pool.buckets[bucket[1]] or (kind, own, to) in self.used):
            return True
        if own:
            self._next(bucket)
        elif self._try(bucket, kind, to):
            return True
        self.counted[pair].add(me)
        if len(self.counted[pair]) <= self.limit - self.uncounted:
            return True
        return (kind, self._next(bucket), to) not in self.used

    def _meter(self, pair, me, again=False):
        if self.limit and (again or pair not in self.metered):
            self.counted[pair].add(me)
        self.metered.add(pair)

    def _bucket(self, kind, host):
        """Return the place of HOST's bucket, None where there is none."""
        if kind == "icmp" or not self.pool.buckets:
            return None
        return (kind, int(host.rsplit(".", 1)[1]) % len(self.pool.buckets))

    def _ports(self, place):
        part = place[1]
        return getattr(self.pool, part) if isinstance(part, str) else self.pool.buckets[part]

    def _next(self, place):
        ports = self._ports(place)
        if not ports:
            return None
        self.turn[place] += 1
        return ports[(self.turn[place] - 1) % len(ports)]

    def _try(self, place, kind, to):
        """Return the first free one of the ports of PLACE, each in its turn."""
        for _ in self._ports(place):
            if (kind, port := self._next(place), to) not in self.used:
                return port
        return None

    def _claim(self, endpoint, port, to):
        self.used.add((endpoint[0], port, to))
        self.mappings.setdefault(endpoint, port)
        return port
