"""The home as the rest of the firmware sees it; its controller is loaded for the first device."""

import os

from speaker.miot.server import Later
from speaker.miot.spec import NotAvailableError
from speaker.util.late import Late, NotLoadedError


class House:
    """`folder` keeps the devices; `controller` is the Late `Home`."""

    def __init__(self, folder: str, controller: Late) -> None:
        self._folder = folder
        self._controller = controller

    @property
    def is_used(self) -> bool:
        """Whether there is a device, or was one."""
        try:
            return bool(os.listdir(self._folder))
        except OSError:  # no device was ever added
            return False

    def directive(self, text: str) -> Later:
        """Do what a text says (MIoT's execute-text-directive): the answer's text, later."""
        return Later(self._say(text))

    def forget(self) -> None:
        """Forget every device and its token: the speaker has no owner any more."""
        if self._controller.part is not None:
            self._controller.part.forget()
        elif self.is_used:  # its controller could not be loaded: the files go all the same
            from speaker.home.registry import Registry

            Registry(self._folder).clear()

    async def _say(self, text: str) -> str:
        try:
            home = await self._controller.get()
        except NotLoadedError as error:
            raise NotAvailableError("the home's controller is not loaded") from error
        answer: str = (await home.do(text))["say"]
        return answer
