"""From board file and firmware sources to what lies in a board's flash."""
