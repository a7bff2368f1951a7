"""Makes the speaker findable on the home network by mDNS.

What the ESP32's firmware does and lacks, from the sources of MicroPython 1.28 (ports/esp32),
ESP-IDF 5.5 (esp-lwip 2.1.3, esp_netif) and Espressif's mdns 1.3.2. Nothing of it was tried on a
chip; that the port is taken is what users meet (MicroPython's issue 15296).

- MicroPython starts Espressif's own responder, for the host name alone, with the station's first
  address after power-on (network_wlan.c, IP_EVENT_STA_GOT_IP). It takes no services from Python. It
  binds UDP 5353 at any address without SO_REUSEADDR, so lwIP's udp_bind refuses everybody else from
  then on, whatever they set. Who binds first wins: it then fails without a word, and tries again
  when an interface comes up. So our socket is opened before the network is joined and stays open,
  and we answer for the host name as well. What is lost is `getaddrinfo` of names in .local. It lets
  go of the port when no interface is up any more.
- `setsockopt(IPPROTO_IP, IP_ADD_MEMBERSHIP, group + interface)` takes eight bytes; 0.0.0.0 is every
  interface. The interface joins, not the socket (modsocket.c, igmp_joingroup). There is no way to
  leave, nor IP_MULTICAST_IF, _TTL or _LOOP: setsockopt prints a warning for those.
- The membership outlives the socket and the loss of the network; with an address it is reported to
  the router again (netif_issue_reports). It goes with the interface (netif_remove), which is when
  the radio is switched off. Joining again only counts up, so it is done for every network.
- Multicast leaves by the default interface: the station while it has an address, else the access
  point (esp_netif_defaults.h, route_prio). It is not looped back to the board. A socket that is
  bound to 0.0.0.0 hears every group that the interface is in.
- Nothing tells a program whether a packet was multicast, or its TTL. So what does not come from the
  home network is not looked at (RFC 6762, section 11).
"""

import asyncio
import random

from micropython import const

from speaker.net import sockets
from speaker.net.provisioning import ONLINE
from speaker.util import log
from speaker.util.hints import Any, Callable, Iterator
from speaker.util.late import Late, NotLoadedError
from speaker.util.streams import readable

# The longest datagram that the ESP32 takes: lwIP does not reassemble fragments there.
_READ_BYTES = const(1472)
# What answers could not be loaded (see util/late.py): it is tried again after so long.
_LOAD_AGAIN_MS = const(60_000)
# An empty datagram ends a socket on the ESP32 (see miot/udp.py); it is opened anew after so long.
_REOPEN_MS = const(20)


class Discovery:
    """Announces and answers while `store`'s `net` is online.

    `home()` gives address and mask there, None while there is none. `names()` gives whether the
    speaker has an owner, and its host name. With an owner its instance's name ends in its device
    id, without in a part of its MAC address. What answers is loaded with the first network.
    """

    def __init__(
        self,
        store: Any,
        home: Callable[[], tuple | None],
        names: Callable[[], tuple],
        model: str,
        did: int,
        mac: bytes,
    ) -> None:
        self._store = store
        self._home = home
        self._names = names
        self._model = model
        self._did = did
        self._mac = mac
        self._sock: Any = None
        self._at: Any = None  # address, mask, whether it has an owner, host name
        self._network = (0, 0)  # address and mask
        self._watch = store.watch("net", "net_set_up")  # the latter: it may have got an owner
        self._late = Late("mdns", self._steps)
        self._responder: Any = None
        self._group: Any = None  # address and port

    async def listen(self) -> None:
        """Task: take what comes. To be started before the network is joined, see above."""
        while True:
            await self._open()
            try:
                await readable(self._sock)
                while self._take():
                    await asyncio.sleep_ms(0)  # sound goes first
                    await readable(self._sock)
            finally:
                self._sock.close()
                self._sock = None
            await asyncio.sleep_ms(_REOPEN_MS)

    async def run(self) -> None:
        """Task: join, announce, answer in time. Allocates nothing while nobody asks."""
        while self._responder is None:
            if self._store.get("net") != ONLINE:
                await self._watch.changed()
                continue
            try:
                self._responder = await self._late.get()
            except NotLoadedError:
                await asyncio.sleep_ms(_LOAD_AGAIN_MS)
        while True:
            self._follow_network()
            wait_ms = self._responder.poll()
            if wait_ms < 0:
                await self._watch.changed()
                continue
            try:
                await asyncio.wait_for_ms(self._watch.changed(), wait_ms)
            except asyncio.TimeoutError:
                pass

    def goodbye(self) -> None:
        """Tell the network that the speaker goes, before it does."""
        if self._sock is not None and self._responder is not None:
            self._responder.goodbye()

    async def _open(self) -> None:
        watch = self._store.watch("net")
        while self._sock is None:
            try:
                self._sock = sockets.open_udp("mdns")
            except OSError as error:  # MicroPython's own responder was first
                log.warning("mdns", "not before the network is left: error %s", error.errno)
                await watch.changed()
        self._at = None
        self._wake()

    def _wake(self) -> None:
        self._watch.notify("net")

    def _follow_network(self) -> None:
        home = self._home() if self._store.get("net") == ONLINE and self._sock else None
        at = home and home + self._names()
        if at == self._at:
            return
        if at is None:
            self._responder.stop()
        elif self._at is not None and at[2:] != self._at[2:]:
            self._responder.goodbye()  # by the names that it had
        self._at = at
        if at is None:
            return
        mask = _number(at[1])
        self._network = (_number(at[0]) & mask, mask)
        try:
            sockets.join_group(self._sock, self._group[0], at[0])
        except OSError as error:
            log.warning("mdns", "cannot join the group: error %s", error.errno)
        self._responder.start()

    def _take(self) -> bool:
        """Take a datagram; False when the socket is of no more use."""
        try:
            packet, peer = self._sock.recvfrom(_READ_BYTES)
        except OSError:  # nothing there, or the interface went away
            return True
        if not packet:
            return False
        if self._responder is None:
            return True
        if self._responder.concerns(packet) and self._is_at_home(peer[0]):
            self._follow_network()  # the router may have given another address
            self._responder.receive(packet, peer)
            self._wake()
        return True

    def _is_at_home(self, address: str) -> bool:
        network, mask = self._network
        return _number(address) & mask == network and address != self._at[0]

    def _send(self, packet: bytes, peer: tuple | None) -> None:
        try:
            self._sock.sendto(packet, peer or self._group)
        except OSError:  # the network is just going away
            pass

    def _steps(self) -> Iterator[Any]:
        from speaker.net import dns  # noqa: F401 - each at its own time

        yield None
        from speaker.net import mdns_records  # noqa: F401

        yield None
        from speaker.net import mdns_outbox  # noqa: F401

        yield None
        from speaker.net import mdns

        self._group = (mdns.GROUP, mdns.PORT)
        yield mdns.Responder(self._send, random.randint, self._records)

    def _records(self, instance_number: int, host_number: int) -> Any:
        from speaker.net.mdns_records import Records, host_label, instance_label

        address, _mask, owned, host = self._at
        tail = "_miio%d" % self._did
        if not owned:
            tail = "_miap%02x%02x" % (self._mac[4], self._mac[5])
        mac = "".join(["%02x" % byte for byte in self._mac])
        return Records(
            instance_label(self._model, tail, instance_number),
            host_label(host, host_number),
            sockets.MIIO_PORT,
            sockets.address_bytes(address),
            ("path=/mydevice", "mac=" + mac, "model=" + self._model),
        )


def _number(address: str) -> int:
    return int.from_bytes(sockets.address_bytes(address), "big")
