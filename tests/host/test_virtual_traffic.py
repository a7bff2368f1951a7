"""The record of a virtual board's network: sums by peer, in bounded memory."""

from mynah.virtual.traffic import UDP, Place, Traffic

PLACE = Place(UDP, 54321)


def test_sums_by_place_and_peer():
    traffic = Traffic()
    traffic.opened(PLACE)
    traffic.received(PLACE, ("10.0.0.1", 7), 32)
    traffic.sent(PLACE, ("10.0.0.1", 7), 100)
    traffic.sent(PLACE, ("10.0.0.1", 7), 20)
    (flow,) = traffic.flows().values()
    assert (flow.sent, flow.sent_bytes, flow.received, flow.received_bytes) == (2, 120, 1, 32)
    assert traffic.places() == {PLACE}


def test_the_oldest_peer_is_forgotten():
    traffic = Traffic()
    for i in range(5000):
        traffic.sent(PLACE, ("10.0.0.1", i), 1)
    peers = [peer for _, peer in traffic.flows()]
    assert len(peers) == 4096
    assert peers[-1] == ("10.0.0.1", 4999)
