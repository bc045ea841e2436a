"""Windows of disks under names that libwim and libntfs-3g open as they open volumes."""
