"""The whole firmware through an hour of troubles; `python tests/bench/soak.py` does a day."""

from sim import soak

# In so short a time, what is made when it is first needed counts; 8,000 datagrams have come.
HEAP_GROWTH = 16 * 1024


def test_an_hour_of_polling_loss_floods_router_restarts_and_power_cuts():
    figures = soak.run(1, seed=3, every_s=(150, 300))
    assert figures["violations"] == [], figures["violations"]
    assert figures["faults"] == [], figures["faults"]
    # All of it has happened.
    for what in (
        "router restarts",
        "times without an address",
        "new channels",
        "power cuts",
        "ticks wraps",
        "retries",
        "datagrams lost in a full queue",
    ):
        assert figures[what], what
    assert figures["answered"] > 400
    assert figures["heap grew by"] < HEAP_GROWTH, figures["heap grew by"]
    assert figures["tasks grew by"] == 0
    assert figures["flash operations"] < 200
