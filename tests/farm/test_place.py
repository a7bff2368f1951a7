"""Places of a real labgrid coordinator: taken, taken away, gone, given back."""

import json
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("labgrid", reason="labgrid is not installed (docs/farm.md)")

from click.testing import CliRunner
from labgrid.resource.remote import RemotePlaceManager

from mynah.cli import cli
from mynah.errors import PortError, UsageError
from mynah.farm.holding import Holding
from mynah.farm.loopback import LoopbackFarm
from mynah.farm.place import Coordinator, with_port

NOWHERE = "rfc2217://127.0.0.1:9"


@pytest.fixture(scope="module")
def farm(tmp_path_factory):
    """A coordinator, an exporter with two ports that nobody opens, and their places."""
    with LoopbackFarm(tmp_path_factory.mktemp("farm"), {}) as farm:
        farm.start_exporter("rack", {"x1": NOWHERE, "x2": NOWHERE})
        for place in ("x1", "x2", "nothing"):
            farm.add_place(place)
        yield farm


@pytest.fixture(scope="module")
def coordinator(farm):
    yield Coordinator(farm.address)
    leave()


@pytest.fixture
def alone():
    """labgrid's one connection, to be made anew; the other tests' is put back afterwards."""
    manager = RemotePlaceManager.get()
    kept = manager.session, manager.url
    manager.session = None
    yield
    leave()
    manager.session, manager.url = kept


def leave():
    manager = RemotePlaceManager.get()
    if manager.session is not None:
        manager.loop.run_until_complete(_leave(manager.session))
    manager.session = None


async def _leave(session):
    session.stopping.set()
    await session.stop()
    await session.close()


def holder_of(farm, place):
    """Who the coordinator says has a place, asked by another client."""
    for line in farm.client("-p", place, "show").splitlines():
        if line.strip().startswith("acquired: "):
            return line.split(":")[1].strip()
    raise AssertionError(place)


def test_a_place_is_acquired_and_released(farm, coordinator):
    assert coordinator.acquire("x1")
    assert holder_of(farm, "x1") == coordinator.user
    coordinator.check("x1")
    coordinator.release("x1")
    assert holder_of(farm, "x1") == "None"
    coordinator.release("x1")  # once more is no error


def test_what_was_acquired_by_hand_is_left_so(farm, coordinator):
    farm.client("-p", "x1", "acquire")
    assert not coordinator.acquire("x1")
    coordinator.check("x1")
    farm.client("-p", "x1", "release")


def test_a_place_that_was_taken_away_is_told(farm, coordinator):
    coordinator.acquire("x1")
    farm.client("-p", "x1", "release", "--kick", user="ada")
    with pytest.raises(PortError, match="x1 was taken away from this session: it was released"):
        coordinator.check("x1")
    farm.client("-p", "x1", "acquire", user="ada")
    with pytest.raises(PortError, match=r"x1 was taken away from this session: .*/ada has it now"):
        coordinator.check("x1")
    coordinator.release("x1")
    assert holder_of(farm, "x1").endswith("/ada"), "what another user has is not released"
    farm.client("-p", "x1", "release", user="ada")


def test_another_users_place_is_waited_for(farm, coordinator):
    farm.client("-p", "x2", "acquire", user="ada")
    with pytest.raises(PortError, match=r"x2 is in use by .*/ada: take another, or wait"):
        coordinator.acquire("x2")
    with ThreadPoolExecutor() as pool:
        released = pool.submit(farm.client, "-p", "x2", "release", user="ada")
        assert coordinator.acquire("x2", wait_s=30)
        released.result()
    coordinator.release("x2")


def test_a_place_without_its_exporter_cannot_be_had(farm, coordinator):
    with pytest.raises(PortError, match=r"nothing cannot be had: .*is the exporter running"):
        coordinator.acquire("nothing")
    assert holder_of(farm, "nothing") == "None"


def test_two_sessions_of_a_user_keep_off_each_others_places(farm, coordinator):
    with Holding(farm.address, "x1").take():
        with pytest.raises(PortError, match=r"x1 is in use by .* since"):
            Holding(farm.address, "x1").take()
        assert holder_of(farm, "x1") == coordinator.user
    assert holder_of(farm, "x1") == "None"


def test_a_coordinator_has_one_name():
    assert with_port("rack") == with_port("rack:20408") == "rack:20408"
    assert with_port("rack:4") == "rack:4"


def test_an_unknown_place_names_those_there_are(coordinator):
    with pytest.raises(PortError, match=r"no place 'kitchen'; it has: nothing, x1, x2"):
        coordinator.acquire("kitchen")


def test_one_coordinator_a_process(coordinator):
    with pytest.raises(PortError, match="needs a session of its own"):
        Coordinator("127.0.0.1:1")


def test_an_exporter_that_is_killed_leaves_a_place_that_can_be_released(farm, coordinator):
    farm.start_exporter("other", {"y1": NOWHERE})
    farm.add_place("y1")
    coordinator.acquire("y1")
    farm.cut_power("other")
    with pytest.raises(PortError, match=r"exporter other left the farm, .* at place y1"):
        wait_for_error(coordinator, "y1")
    coordinator.release("y1")
    assert holder_of(farm, "y1") == "None"

    farm.start_exporter("other", {"y1": NOWHERE})
    assert coordinator.acquire("y1", wait_s=10)
    coordinator.check("y1")
    coordinator.release("y1")


def wait_for_error(coordinator, place):
    """Look until the coordinator has heard of it: as long as that takes, but not for ever."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        coordinator.check(place)


def run(farm, command, *arguments):
    return CliRunner().invoke(cli, ["farm", command, "--coordinator", farm.address, *arguments])


def test_farm_list_says_who_has_what(farm, coordinator):
    farm.client("-p", "x2", "set-tags", "board=kit")
    farm.client("-p", "x2", "acquire", user="ada")
    places = {place["name"]: place for place in json.loads(run(farm, "list", "--json").stdout)}
    shown = run(farm, "list").stdout.splitlines()
    farm.client("-p", "x2", "release", user="ada")
    assert places["x1"]["holder"] is None
    assert places["x1"]["resources"] == ["rack/x1/NetworkSerialPort"]
    assert places["x2"]["holder"].endswith("/ada")
    assert places["x2"]["tags"] == {"board": "kit"}
    assert places["nothing"]["resources"] == []
    assert any(re.fullmatch(r"x1 +free +rack/x1/NetworkSerialPort *", line) for line in shown)
    assert any(re.match(r"nothing +nothing there", line) for line in shown)


def test_farm_use_runs_a_program_on_a_place(farm, coordinator, capfd):
    code = "import os, sys; print(os.environ['MYNAH_PORT'], *sys.argv[1:]); sys.exit(7)"
    program = [sys.executable, "-c", code, "connect={port}"]
    words = ["farm", "use", "--coordinator", farm.address, "x1", "--", *program]
    assert cli.main(words, standalone_mode=False) == 7
    url = "rfc2217://127.0.0.1:9?ign_set_control"
    assert capfd.readouterr().out == f"{url} connect={url}\n"
    assert holder_of(farm, "x1") == "None"


def test_farm_use_of_no_program_gives_the_place_back(farm, coordinator):
    error = run(farm, "use", "x1", "--", "no-such-program").exception
    assert isinstance(error, UsageError)
    assert holder_of(farm, "x1") == "None"


@pytest.mark.usefixtures("alone")
def test_a_coordinator_that_dies_is_told(tmp_path):
    with LoopbackFarm(tmp_path, {}) as farm:
        farm.start_exporter("rack", {"x1": NOWHERE})
        farm.add_place("x1")
        coordinator = Coordinator(farm.address)
        coordinator.acquire("x1")
        farm.coordinator.kill()
        for _ in range(2):
            with pytest.raises(PortError, match="does not answer: is it running"):
                coordinator.check("x1")
        with pytest.raises(PortError, match="does not answer: is it running"):
            Coordinator(farm.address)
