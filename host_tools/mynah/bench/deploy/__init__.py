"""``mynah deploy`` beside ``mpremote fs cp -r``: the same files onto the same virtual board."""
