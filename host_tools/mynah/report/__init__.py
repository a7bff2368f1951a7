"""What a maintainer needs to mend a fault, in one file without secrets (`mynah report`)."""
