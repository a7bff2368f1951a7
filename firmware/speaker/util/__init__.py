"""What every part leans on: log, task supervision, storage."""
