"""Broadcast and multicast of virtual boards: heard once by everybody, and by nobody outside."""

import socket
import sys

import ifaddr
import pytest

pytestmark = pytest.mark.skipif(
    sys.platform == "darwin", reason="macOS has no broadcast on its loopback interface"
)

GROUP = "239.77.0.1"  # RFC 2365: administratively scoped; nobody else's tests use it
ANY = "0.0.0.0"
EVERYBODY = "127.255.255.255"

_JOIN = (
    "import network, time, socket\nsta = network.WLAN(network.WLAN.IF_STA)\n"
    "sta.active(True)\nsta.connect('home', 'secret123')\n"
    "while not sta.isconnected(): time.sleep_ms(10)\n"
)
_LISTEN = (
    "import socket, time\n"
    "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
    "s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n"
    "s.bind(('0.0.0.0', {port})); s.setblocking(False)\n"
    "def join(interface='0.0.0.0'):\n"
    "  packed = [bytes([int(n) for n in a.split('.')]) for a in ('239.77.0.1', interface)]\n"
    "  s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, packed[0] + packed[1])\n"
    # What comes until one that says `last` does.
    "def heard(last):\n"
    "  got = []\n"
    "  while True:\n"
    "    try: got.append(s.recvfrom(99))\n"
    "    except OSError as e: assert e.errno == 11; time.sleep_ms(5); continue\n"
    "    if got[-1][0] == last: return got\n"
)


@pytest.fixture
def board(shared_micropython):
    shared_micropython.world.wifi.add("home", "secret123")
    yield shared_micropython
    shared_micropython.world.wifi.remove("home")
    shared_micropython.restart()


@pytest.fixture
def other(micropython):
    micropython.world.wifi.add("home", "secret123")
    return micropython


@pytest.fixture
def port():
    """A UDP port that nobody on this computer has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((ANY, 0))
        return sock.getsockname()[1]


@pytest.fixture
def peer():
    """A program on this computer that does not care about interfaces."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.settimeout(5)
        yield sock


def _listener(port, *, interface="127.0.0.1"):
    """A socket of this computer that hears the group at one interface only."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((ANY, port))
    membership = socket.inet_aton(GROUP) + socket.inet_aton(interface)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    sock.setsockopt(socket.IPPROTO_IP, 49, 0)  # IP_MULTICAST_ALL
    sock.settimeout(5)
    return sock


def _multicast(sock, data, port, interface="127.0.0.1"):
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
    sock.sendto(data, (GROUP, port))


def _finish(board, sock, port):
    """Send `last` to the board alone, after all others on the same way; what it heard."""
    sock.sendto(b"last", (board.board.address, port))
    return board.value("heard(b'last')")[:-1]


def test_a_broadcast_is_heard_once_and_answered_from_the_boards_own_address(board, peer, port):
    board.run(_JOIN + _LISTEN.format(port=port))
    peer.sendto(b"directed", (EVERYBODY, port))
    board.run("s.setblocking(True)")
    assert board.value("s.recvfrom(99)")[0] == b"directed"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        bound.bind(("127.0.0.1", 0))
        bound.sendto(b"limited", ("255.255.255.255", port))
        sender = bound.getsockname()
        assert board.value("s.recvfrom(99)") == (b"limited", sender)
    peer.sendto(b"hello?", (EVERYBODY, port))
    board.run("data, who = s.recvfrom(99); s.sendto(b'yes, ' + data, who); s.setblocking(False)")
    assert peer.recvfrom(99) == (b"yes, hello?", (board.board.address, port))
    assert _finish(board, peer, port) == []


def test_a_program_that_broadcasts_on_a_real_interface_is_answered_too(board, peer, port):
    board.run(_JOIN + _LISTEN.format(port=port))
    try:
        peer.sendto(b"hello?", ("255.255.255.255", port))
    except OSError:
        pytest.skip("this computer has no network")
    [(data, who), _] = board.value("heard(b'hello?') + [None]")
    assert (data, who) == (b"hello?", ("127.0.0.1", peer.getsockname()[1]))
    board.run(f"s.sendto(b'yes', {who})")
    assert peer.recvfrom(99) == (b"yes", (board.board.address, port))


def test_in_no_network_a_board_hears_only_what_is_in_its_own(board, peer, port):
    board.run(_JOIN + _LISTEN.format(port=port) + "join()")
    board.world.wifi.remove("home")
    board.run("while sta.isconnected(): time.sleep_ms(5)")
    peer.sendto(b"lost", (EVERYBODY, port))
    _multicast(peer, b"lost", port)
    for target in (EVERYBODY, GROUP):
        board.run(
            f"try: s.sendto(b'lost', ('{target}', 9))\n"
            "except OSError as e: assert e.errno == 118, e.errno\nelse: raise Exception"
        )
    board.run("ap = network.WLAN(network.WLAN.IF_AP); ap.active(True)")
    peer.sendto(b"at the set-up network", (EVERYBODY, port))
    board.run("got = heard(b'at the set-up network')")
    assert board.value("got") == [
        (b"at the set-up network", ("192.168.4.2", peer.getsockname()[1]))
    ]
    board.run("s.sendto(b'token', got[0][1])")
    assert peer.recvfrom(99) == (b"token", (board.board.ap_address, port))
    _multicast(peer, b"not a member there", port)
    board.run("join('192.168.4.1')")
    _multicast(peer, b"member", port)
    assert [data for data, _ in board.value("heard(b'member')")] == [b"member"]


def test_boards_hear_each_other_once_and_never_themselves(board, other, peer, port):
    for each in (board, other):
        each.run(_JOIN + _LISTEN.format(port=port) + "join()")
    with _listener(port) as program:
        board.run(f"s.sendto(b'all', ('255.255.255.255', {port}))")
        board.run(f"s.sendto(b'subnet', ('{EVERYBODY}', {port}))")
        board.run(f"s.sendto(b'group', ('{GROUP}', {port}))")
        heard = [program.recvfrom(99) for _ in range(3)]
        assert heard == [
            (data, (board.board.address, port)) for data in (b"all", b"subnet", b"group")
        ]
        assert sorted(other.value("heard(b'group')")) == sorted(heard)
        _multicast(peer, b"end", port)
        for each in (board, other):
            assert [data for data, _ in each.value("heard(b'end')")] == [b"end"]
        assert program.recvfrom(99)[0] == b"end"


def test_the_interface_is_the_member_not_the_socket_and_stays_it_across_networks(board, peer, port):
    board.run(_JOIN + _LISTEN.format(port=port))
    _multicast(peer, b"nobody has joined", port)
    board.run("join(sta.ifconfig()[0])")
    _multicast(peer, b"one", port)
    assert [data for data, _ in board.value("heard(b'one')")] == [b"one"]
    board.run("s.close()\n" + _LISTEN.format(port=port))
    _multicast(peer, b"two", port)
    assert [data for data, _ in board.value("heard(b'two')")] == [b"two"]
    board.run("sta.disconnect()\n" + _JOIN)
    _multicast(peer, b"three", port)
    assert [data for data, _ in board.value("heard(b'three')")] == [b"three"]
    board.run("sta.active(False)\n" + _JOIN)  # the interface is made anew
    _multicast(peer, b"not any more", port)
    assert _finish(board, peer, port) == []


def test_nothing_gets_out_of_this_computer(board, port):
    outside = [
        ip.ip
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
        if ip.is_IPv4 and not ip.ip.startswith("127.")
    ]
    if not outside:
        pytest.skip("this computer has no other interface")
    board.run(_JOIN + _LISTEN.format(port=port) + "join()")
    with _listener(port, interface=outside[0]) as real, _listener(port) as loopback:
        board.run(f"s.sendto(b'group', ('{GROUP}', {port}))")
        board.run(f"s.sendto(b'all', ('255.255.255.255', {port}))")
        assert {loopback.recv(99) for _ in range(2)} == {b"group", b"all"}
        _multicast(real, b"outside", port, outside[0])  # nor in
        assert real.recv(99) == b"all"  # broadcasts are not an interface's: they came over loopback
        assert real.recv(99) == b"outside"
        assert _finish(board, loopback, port) == []


def test_the_firmwares_own_responder_takes_the_mdns_port_at_the_first_address(board):
    bind = (
        "u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "u.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n"
        "try: u.bind(('0.0.0.0', 5353)); print(0)\n"
        "except OSError as e: u.close(); print(e.errno)\n"
    )
    assert board.run("import socket\n" + bind) == "0\n"  # whoever comes first has it for good
    board.run(_JOIN + "u.close()")
    assert board.run(bind) == "0\n"  # it tried while the port was taken, and gave up
    board.run("u.close(); sta.disconnect()\n" + _JOIN)
    assert board.run(bind) == "112\n"
    board.run("sta.disconnect()")
    assert board.run(bind) == "0\n"


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("s.setsockopt(0, socket.IP_ADD_MEMBERSHIP, b'1234567')", "ValueError()"),
        ("join()", "OSError(6,)"),  # no interface: an error of lwIP's, ERR_VAL
        ("network.WLAN().active(True); join('10.0.0.1')", "OSError(6,)"),
        ("network.WLAN().active(True); join()", "None"),
        ("s.setsockopt(0, 33, 1)", "'Warning: lwip.setsockopt() option not implemented'"),
    ],
)
def test_socket_options_are_the_ports(board, port, code, result):
    board.run("import network\n" + _LISTEN.format(port=port))
    printed = board.run(f"try: {code}; e = None\nexcept Exception as x: e = x\nprint(repr(e))")
    assert result.strip("'") in printed
