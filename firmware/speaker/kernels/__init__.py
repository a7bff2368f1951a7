"""The hot loops: one facade a job, a Python twin and native code behind it."""
