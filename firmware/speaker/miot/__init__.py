"""The speaker as a miIO/MIoT device: packets, server, spec."""
