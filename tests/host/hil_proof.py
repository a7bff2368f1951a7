"""What a test on a board really did, against what its mark ``proves`` says."""

import re

from mynah.miio import MiioClient
from mynah.miio.spec import speaker

SEEN = ("method ", "property ", "action ", "event ", "light ")
"""The kinds of features whose use is noted; for the others the mark is believed."""
_LIGHT = re.compile(r" led: (.+) #[0-9a-f]{6}$")


class Notes:
    """Notes what any client of this process calls, sets, does and is told over miIO."""

    def __init__(self, monkeypatch):
        self.done = set()
        spec = speaker()
        self._properties = {(item.siid, item.piid): name for name, item in spec.properties.items()}
        self._actions = {(item.siid, item.aiid): name for name, item in spec.actions.items()}
        self._events = {(item.siid, item.eiid): name for name, item in spec.events.items()}
        call, tell, hear = MiioClient.call, MiioClient.tell, MiioClient.next_message

        def noted_call(client, method, params=(), **options):
            self._asked(method, params)
            return call(client, method, params, **options)

        def noted_tell(client, payload):
            self.done.add(f"method {payload.get('method')}")
            tell(client, payload)

        def noted_message(client, timeout_s):
            message = hear(client, timeout_s)
            event = (message or {}).get("params")
            if isinstance(event, dict):
                self.done.add(f"event {self._events.get((event.get('siid'), event.get('eiid')))}")
            return message

        monkeypatch.setattr(MiioClient, "call", noted_call)
        monkeypatch.setattr(MiioClient, "tell", noted_tell)
        monkeypatch.setattr(MiioClient, "next_message", noted_message)

    def _asked(self, method, params):
        self.done.add(f"method {method}")
        if method in {"get_properties", "set_properties"} and isinstance(params, list):
            numbers = [(item.get("siid"), item.get("piid")) for item in params]
            self.done.update(f"property {self._properties.get(number)}" for number in numbers)
        elif method == "action":
            self.done.add(f"action {self._actions.get((params['siid'], params['aiid']))}")

    def missing(self, claimed, lines):
        """What of the claimed features was not used; ``lines``: the board's log."""
        lights = {f"light {match[1]}" for line in lines if (match := _LIGHT.search(line))}
        return {one for one in claimed - self.done - lights if one.startswith(SEEN)}
