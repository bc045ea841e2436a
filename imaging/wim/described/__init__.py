"""What the XML of a WIM tells: of its images, and of the disk that they were captured from."""
