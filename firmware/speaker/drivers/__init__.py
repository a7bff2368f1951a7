"""Drivers: handed ready pins and buses, they know no pin numbers."""
