"""What goes into a board's flash: images, partition table, filesystem, and the writer."""
