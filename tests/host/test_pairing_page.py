"""The page about pairing tells every state, reason and pattern that the firmware has."""

import ast
import re

from mynah.paths import FIRMWARE_DIR

PAGE = (FIRMWARE_DIR.parent / "host_tools" / "docs" / "pairing.md").read_text()


def constants(path):
    """The texts that a module's own upper-case names stand for."""
    tree = ast.parse((FIRMWARE_DIR / path).read_text())
    return {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }


def test_every_state_is_explained():
    states = set(constants("speaker/net/provisioning.py").values())
    assert {"set-up", "retrying", "online"} <= states
    assert {state for state in states if f"`{state}`" not in PAGE} == set()


def test_every_reason_is_explained():
    inside = {"OK", "ABORTED", "SCANNING", "ASSOCIATING", "ADDRESS"}
    reasons = constants("speaker/net/wifi.py")
    missing = {
        text for name, text in reasons.items() if name not in inside and not re.search(text, PAGE)
    }
    assert missing == set()
