"""URL handlers for pyserial; for `serial.protocol_handler_packages`."""
