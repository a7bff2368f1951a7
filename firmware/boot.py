"""Runs first after every reset: nothing may fail here, so nothing much is done."""

import gc

# Collect early and often: a short collection now costs less sound than a long one later.
gc.collect()
gc.threshold(128 * 1024)
