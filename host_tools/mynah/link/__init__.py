"""Serial links to boards: device paths and ``rfc2217://host:port`` alike."""

from mynah.link.port import lost_port, open_port, port_error, port_in_use, reset_board

__all__ = ["lost_port", "open_port", "port_error", "port_in_use", "reset_board"]
