"""What tests work on: trees, volumes, disks, WIMs."""
