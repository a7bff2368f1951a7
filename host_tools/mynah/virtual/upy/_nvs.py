"""esp32.NVS; loaded when a program asks for it."""

import _link


class NVS:
    """Key-value store (ports/esp32/esp32_nvs.c)."""

    def __init__(self, namespace):
        self._number = _link.call("nvs", "open", namespace)

    def __repr__(self):
        return "<NVS namespace>"

    def set_i32(self, key, value):
        _link.call("nvs", "set_i32", self._number, key, value)

    def get_i32(self, key):
        return _link.call("nvs", "get_i32", self._number, key)

    def set_blob(self, key, value):
        _link.call("nvs", "set_blob", self._number, key, bytes(value).hex())

    def get_blob(self, key, buffer):
        blob = bytes.fromhex(_link.call("nvs", "get_blob", self._number, key))
        if len(blob) > len(buffer):
            raise OSError(-0x110C, "ESP_ERR_NVS_INVALID_LENGTH")
        memoryview(buffer)[: len(blob)] = blob
        return len(blob)

    def erase_key(self, key):
        _link.call("nvs", "erase", self._number, key)

    def commit(self):
        pass
