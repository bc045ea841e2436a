"""Deploy one image to several disks, in threads: python many_disks.py install.wim a.img b.img"""

import sys
from concurrent.futures import ThreadPoolExecutor

from osdimage.imaging import CancellationToken, Preset, WimFile, execute, make_plan, open_disk, preset_layout
from osdimage.imaging.units import GIB


def deploy(wim_path: str, disk_path: str, token: CancellationToken, size_bytes: int, preset: Preset) -> int:
    """Deploy to one disk.  A WIM and a disk belong to the thread that opened them, so each call opens its own."""
    with WimFile.open(wim_path) as wim, open_disk(disk_path, create=size_bytes) as disk:
        plan = make_plan(wim.image(1), preset_layout(preset), disk.geometry)
        return execute(plan, disk, wim.image(1), progress=token.watch()).applied.files


def deploy_to_all(
    wim_path: str, disks: list[str], size_bytes: int = 64 * GIB, preset: Preset = Preset.UEFI
) -> dict[str, int | BaseException]:
    """Return how many files each disk got, or what it failed for; Ctrl-C stops all of them."""
    token = CancellationToken()
    with ThreadPoolExecutor(max_workers=4) as pool:
        jobs = {disk: pool.submit(deploy, wim_path, disk, token, size_bytes, preset) for disk in disks}
        try:
            return {disk: job.exception() or job.result() for disk, job in jobs.items()}
        except KeyboardInterrupt:
            token.cancel()
            raise


if __name__ == "__main__":
    for name, outcome in deploy_to_all(sys.argv[1], sys.argv[2:]).items():
        print(f"{name}: {outcome}")
