"""The virtual board: an ESP32-S3 that needs no hardware, reached over ``rfc2217://``."""
