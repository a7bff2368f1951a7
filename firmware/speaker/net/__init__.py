"""Wi-Fi and how the speaker gets onto it."""
