"""The miIO client against scripted devices: handshake, retries, lost and forged packets."""

import asyncio
import gc
import time

from fakes.miio_device import TOKEN, FakeDevice, Network

from speaker.miot import client
from speaker.miot.client import OFFLINE, SILENT, WRONG_TOKEN, Client, NoAnswerError, Remote
from speaker.miot.server import MiioError

AT = ("10.0.0.5", 54321)
ELSEWHERE = ("10.0.0.77", 54321)


def run(main):
    asyncio.run(main)
    asyncio.new_event_loop()


def hurry():
    """Time-outs of a test, not of a home."""
    client.HELLO_MS = (15, 15, 15)
    client.REPLY_MS = (30, 30, 30)
    client.BUSY_MS = 5
    client.SEARCH_MS = 30


def setting(device=None, did=0, token=TOKEN, at=AT):
    hurry()
    network = Network()
    network.client = Client(network.send)
    device = device or FakeDevice()
    network.devices[at] = device
    return network, device, Remote(AT[0], AT[1], did, bytes.fromhex(token))


async def failure(call):
    try:
        await call
    except NoAnswerError as error:
        return error.args[0]
    except MiioError as error:
        return error.args
    raise AssertionError("it should have failed")


def test_a_call_says_hello_once():
    network, device, remote = setting()

    async def main():
        call = network.client.call
        assert await call(remote, "echo", []) == "echo"
        assert await call(remote, "echo", []) == "echo"
        assert device.hellos == 1 and remote.did == device.did and remote.proven
        ids = [request["id"] for request in device.requests]
        assert ids[1] == ids[0] % 9999 + 1, ids

    run(main())


def test_lost_packets_are_asked_for_again():
    network, device, remote = setting()

    async def main():
        device.lose = 2  # two hellos
        assert await network.client.call(remote, "echo", []) == "echo"
        device.lose = 1  # the request
        assert await network.client.call(remote, "echo", []) == "echo"
        device.lose_replies = 1
        assert await network.client.call(remote, "echo", []) == "echo"
        first, second = [request["id"] for request in device.requests[-2:]]
        assert (first + 100 - 1) % 9999 + 1 == second, (first, second)
        device.lose_replies = 1
        assert await network.client.call(remote, "action", {}, once=True)
        first, second = [request["id"] for request in device.requests[-2:]]
        assert first == second

    run(main())


def test_the_clock_is_asked_for_after_120_s_and_after_a_time_out():
    network, device, remote = setting()

    async def main():
        await network.client.call(remote, "echo", [])
        remote._stamp_ms = time.ticks_add(remote._stamp_ms, -119_000)
        device.stamp += 119
        await network.client.call(remote, "echo", [])
        assert device.hellos == 1
        remote._stamp_ms = time.ticks_add(remote._stamp_ms, -121_000)
        device.stamp += 121
        await network.client.call(remote, "echo", [])
        assert device.hellos == 2
        device.stamp = 3  # it was restarted and its clock, too: our stamp is from its future
        device.lose = 1
        await network.client.call(remote, "echo", [])
        assert device.hellos == 3 and remote.stamp() < 10

    run(main())


def test_busy_is_asked_again_other_errors_are_told():
    network, device, remote = setting()

    async def main():
        device.errors = [-30001, -9999]
        assert await network.client.call(remote, "echo", []) == "echo"
        device.errors = [-9999, -9999, -9999]
        assert await failure(network.client.call(remote, "echo", [])) == (-9999, "no")
        device.errors = [-5001]
        assert await failure(network.client.call(remote, "echo", [])) == (-5001, "no")
        device.answer = lambda request: {"id": request["id"], "error": {"code": -2, "error": "x"}}
        assert await failure(network.client.call(remote, "echo", [])) == (-2, "x")
        device.answer = lambda request: {"id": request["id"], "error": "text"}
        assert await failure(network.client.call(remote, "echo", [])) == (-1, "text")

    run(main())


def test_who_does_not_answer_and_why():
    network, device, remote = setting(did=0x1234)

    async def main():
        call = network.client.call
        device.deaf = True
        assert await failure(call(remote, "echo", [])) == OFFLINE
        device.deaf = False
        assert await call(remote, "echo", []) == "echo"
        device.lose_replies = 9
        assert await failure(call(remote, "echo", [])) == SILENT
        wrong = Remote(AT[0], AT[1], 0, bytes(16))
        assert await failure(call(wrong, "echo", [])) == WRONG_TOKEN
        # A reply that another token signed: also a wrong token, and known before any time-out.
        device.lose_replies = 0
        device.codec, good = FakeDevice(token="aa" * 16).codec, device.codec
        device.codec.is_signed = lambda _packet: True
        device.codec.decrypt = good.decrypt
        assert await failure(call(remote, "echo", [])) == WRONG_TOKEN
        assert network.client.dropped["checksum"] == 3
        assert network.client._waiting == []

    run(main())


def test_replies_that_nobody_waits_for_are_dropped():
    network, device, remote = setting()
    dropped = network.client.dropped

    async def main():
        call = network.client.call
        device.twice = True
        assert await call(remote, "echo", []) == "echo"
        await asyncio.sleep_ms(5)
        assert dropped["late"] == 1
        device.twice = False
        device.answer = lambda request: {"id": request["id"] + 1, "result": 5}
        assert await failure(call(remote, "echo", [], tries=1)) == SILENT
        assert dropped["late"] == 2
        for text in (b"[" * 900, b"null", b"[1]", b"{", b"\xff\xfe", b""):
            device.answer = lambda _request: text
            assert await failure(call(remote, "echo", [], tries=1)) == SILENT
        assert dropped["content"] == 6
        # From another address, and of another device, with the right token.
        good = device.packet({"id": 1, "result": 1})
        network.client.handle(good, ELSEWHERE)
        network.client.handle(good, AT)
        network.client.handle(b"", AT)
        network.client.handle(bytes(1500), AT)
        assert dropped["late"] == 4 and dropped["content"] == 8

    run(main())


def test_an_old_reply_sent_again_is_no_answer():
    network, device, remote = setting()

    async def main():
        await network.client.call(remote, "echo", [])
        device.stamp += 500
        remote.set_clock(device.stamp)
        old = device.codec.encrypt(device.did, device.stamp - 400, b'{"id":%d,"result":"old"}')

        def replay(request):
            text = b'{"id":%d,"result":"old"}' % request["id"]
            network.client.handle(device.codec.encrypt(device.did, device.stamp - 400, text), AT)
            return {"id": request["id"], "result": "new"}

        assert len(old) > 32
        device.answer = replay
        assert await network.client.call(remote, "echo", []) == "new"
        assert network.client.dropped["old"] == 1

    run(main())


def test_a_device_that_moved_is_followed():
    network, device, remote = setting(at=ELSEWHERE, did=0x1234)
    network.devices[AT] = FakeDevice(did=0x9999)  # somebody else has its old address now

    async def main():
        assert await network.client.call(remote, "echo", []) == "echo"
        assert remote.peer == remote.home == ELSEWHERE
        # One search serves all who lost a device.
        other = Remote("10.0.0.6", 54321, 0x9999, bytes.fromhex(TOKEN))
        before = network.sent.count(("255.255.255.255", 54321))
        assert await network.client.call(other, "echo", []) == "echo"
        assert other.home == AT
        assert network.sent.count(("255.255.255.255", 54321)) == before == 1

    run(main())


def test_whoever_only_claims_to_be_the_device_is_not_followed():
    network, device, remote = setting(did=0x1234)

    async def main():
        await network.client.call(remote, "echo", [])
        device.deaf = True
        network.devices[ELSEWHERE] = FakeDevice(token="aa" * 16)
        remote.set_clock(-1)
        assert await failure(network.client.call(remote, "echo", [])) == SILENT
        assert remote.peer == remote.home == AT
        device.deaf = False
        assert await network.client.call(remote, "echo", []) == "echo"

    run(main())


def test_several_at_once_one_after_the_other_for_one_device():
    network, device, remote = setting()
    others = [FakeDevice(did=i) for i in range(1, 9)]
    for i, other in enumerate(others):
        network.devices[("10.0.1.%d" % i, 54321)] = other
    others[3].deaf = True
    at_once = []

    def watch(request):
        at_once.append(len([w for w in network.client._waiting if w.remote is remote]))
        return {"id": request["id"], "result": request["params"]}

    device.answer = watch

    async def main():
        call = network.client.call
        calls = [call(remote, "echo", [i]) for i in range(5)]
        remotes = [Remote("10.0.1.%d" % i, 54321, 0, bytes.fromhex(TOKEN)) for i in range(8)]
        calls += [call(other, "echo", []) for other in remotes]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert results[:5] == [[i] for i in range(5)]
        assert max(at_once) == 1
        assert [r for r in results[5:] if r != "echo"] == [results[8]]
        assert isinstance(results[8], NoAnswerError)

    run(main())


def test_a_request_that_no_packet_holds_is_refused():
    network, device, remote = setting()

    async def main():
        assert await network.client.call(remote, "echo", ["x" * 1250]) == "echo"
        try:
            await network.client.call(remote, "echo", ["x" * 1400])
        except ValueError:
            return
        raise AssertionError

    run(main())


def test_a_cancelled_call_leaves_nothing():
    network, device, remote = setting()

    async def main():
        device.lose_replies = 1
        task = asyncio.create_task(network.client.call(remote, "echo", []))
        await asyncio.sleep_ms(10)
        assert len(network.client._waiting) == 1
        task.cancel()
        await asyncio.sleep_ms(1)
        assert network.client._waiting == [] and not remote.lock.locked()
        assert await network.client.call(remote, "echo", []) == "echo"

    run(main())


def test_memory_does_not_grow_with_calls_and_failures():
    network, device, remote = setting()

    async def many(n):
        for i in range(n):
            network.sent.clear()
            device.requests.clear()
            if i % 50 == 0:
                device.lose = 1
            if i % 97 == 0:
                device.errors = [-5001]
            try:
                await network.client.call(remote, "get_prop", ["power", i])
            except MiioError:
                pass

    async def main():
        await many(300)
        gc.collect()
        before = gc.mem_alloc()
        await many(3000)
        gc.collect()
        assert gc.mem_alloc() - before < 1024, gc.mem_alloc() - before

    run(main())
