"""What a person chooses from: the networks in reach, each once."""


def nearby(found: list) -> list:
    """`found` (of `Wifi.scan`, the strongest first), each network once, without hidden ones."""
    seen: set = set()
    chosen = []
    for each in found:
        if each.ssid and each.ssid not in seen:
            seen.add(each.ssid)
            chosen.append(each)
    return chosen
