"""Compares what came back with what was due."""

from fuzzing import cases, reference, requests
from fuzzing.targets import Crash


class Judge:
    """Knows token and device id; remembers the last answer of each sender."""

    def __init__(self, token, did):
        self._token, self._did = token, did
        self._last = {}
        self.answers = 0
        self.silences = 0

    def batch(self, made, replies):
        """`made`: `(sender, packet, due)` in order; `replies`: by sender, in order."""
        left = {sender: list(found) for sender, found in replies.items()}
        for sender, packet, due in made:
            found = left.setdefault(sender, [])
            if sender in cases.LOOSE:
                continue
            if due is requests.SILENCE or (isinstance(due, requests.Due) and due.id is None):
                self.silences += 1
                continue
            if not found:
                raise Crash(f"no answer; due was {due}\n{self._shown(packet)}")
            self._judge(sender, packet, due, found.pop(0))
        for sender, found in left.items():
            if sender in cases.LOOSE:
                self._judge_loose([each for each in made if each[0] == sender], found)
            elif found:
                packets = [packet for who, packet, _ in made if who == sender]
                what = "\n".join(self._shown(packet) for packet in packets)
                raise Crash(
                    f"an answer that is not due, to sender {sender}: {self._shown(found[0])}\n"
                    f"it had sent:\n{what}"
                )

    def _judge(self, sender, packet, due, reply):
        self.answers += 1
        if due in (cases.GREETING, cases.TOLD_PROBE):
            wanted = b"\xff" * 16 if due == cases.GREETING else b"MSUB"
            if len(reply) != 32 or not reply[16:].startswith(wanted):
                raise Crash(f"not {due}: {reply.hex()}")
            return
        answer = self._open(reply, packet)
        if due == cases.SAME:
            same = _still(answer) == _still(self._last[sender])
            complaint = "" if same else f"not the same: {self._last[sender]}"
        else:
            complaint = requests.complaint(due, answer)
        if complaint:
            raise Crash(f"{complaint}\n{self._shown(packet)}\n-> {answer}")
        self._last[sender] = answer

    def _judge_loose(self, made, found):
        """Every id is answered once; else anything that is well made may come."""
        due = {each.id for _, _, each in made if each.loose}
        for reply in found:
            self.answers += 1
            answer = self._open(reply, b"")
            due.discard(answer.get("id"))
        if due:
            raise Crash(f"no answer to {sorted(due)}")

    def _open(self, reply, packet):
        """The JSON of a reply, which must be a packet and JSON by the book."""
        header = reference.header(reply)
        good = header and len(reply) <= 1400 and header[:2] == (reference.MAGIC, len(reply))
        if not good or header[3] != self._did or not reference.is_signed(reply, self._token):
            raise Crash(f"no packet: {reply.hex()}, in answer to {self._shown(packet)}")
        text = reference.text_of(reply, self._token)
        try:
            answer = requests.load(text)
        except (ValueError, AttributeError):
            raise Crash(f"no JSON: {text!r}\nin answer to {self._shown(packet)}") from None
        if not isinstance(answer, dict):
            raise Crash(f"no object: {text!r}")
        return answer

    def _shown(self, packet):
        text = reference.text_of(packet, self._token)
        return f"{packet[:32].hex()} {text!r}" if text is not None else packet.hex()


def _still(answer):
    """An answer without what moves by itself."""
    results = answer.get("result")
    if not isinstance(results, list):
        return answer
    clock = [each for each in results if (each.get("siid"), each.get("piid")) == requests.CLOCK]
    return {
        **answer,
        "result": [each | {"value": 0} if each in clock else each for each in results],
    }
