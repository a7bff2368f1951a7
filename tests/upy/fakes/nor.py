"""A NOR flash whose power fails at the n-th operation."""

BLOCK = 4096
N_BLOCKS = 16


class PowerCut(Exception):
    pass


class Nor:
    """A NOR flash as block device: programming clears bits, erasing sets them; power fails at the
    n-th operation, which is left half done.
    """

    def __init__(self, n_blocks=N_BLOCKS):
        self.data = bytearray(b"\xff" * (BLOCK * n_blocks))
        self.operations = 0
        self.cut_at = None

    def _operation(self):
        self.operations += 1
        if self.cut_at is not None and self.operations > self.cut_at:
            raise PowerCut
        return self.operations == self.cut_at

    def readblocks(self, block, buffer, offset=0):
        at = block * BLOCK + offset
        buffer[:] = self.data[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        at = block * BLOCK + offset
        cut = self._operation()
        n = len(buffer) // 2 if cut else len(buffer)
        for i in range(n):
            self.data[at + i] &= buffer[i]
        if cut:
            raise PowerCut

    def ioctl(self, op, argument):
        if op == 4:
            return len(self.data) // BLOCK
        if op == 5:
            return BLOCK
        if op == 6:
            cut = self._operation()
            at = argument * BLOCK
            n = BLOCK // 2 if cut else BLOCK
            self.data[at : at + n] = b"\xff" * n
            if cut:
                raise PowerCut
        return 0
