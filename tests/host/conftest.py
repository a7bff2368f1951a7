"""What several tests of the toolkit are given."""

import pytest
from speaking_port import Server


@pytest.fixture
def serve():
    """Starts ports that say something and hang up (`speaking_port.Server`)."""
    servers = []

    def start(*speeches):
        servers.append(Server(*speeches))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
