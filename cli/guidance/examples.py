"""One or two lines for each command, which its help shows: what people do most."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, ...]] = {
    "apply": (
        'osdimage apply install.wim windows --name "Windows 11 Pro"',
        "osdimage apply install.wim disk.img --partition 3 --edition Professional --wipe",
        "osdimage apply install.wim images --all",
        "osdimage apply - disk.img --partition 3 --wipe --yes",
        "osdimage apply install.wim windows.ntfs --index 1 --compact xpress8k",
        "osdimage apply 'Windows.iso!sources/install.wim' windows --index 6",
    ),
    "boot check": ("osdimage boot check disk.img",),
    "boot fix": ("osdimage boot fix clone.img", "osdimage boot fix clone.vhdx --overlay mended.qcow2"),
    "boot install": (
        "osdimage boot install disk.img --partition 3",
        "osdimage boot install disk.img --partition 3 --from-wim install.wim --index 2",
    ),
    "boot show": ("osdimage boot show disk.img",),
    "bootimage add-driver": (
        "osdimage bootimage add-driver boot.wim --driver virtio-win.iso --for qemu",
        "osdimage bootimage add-driver boot.wim --index 1 --driver drivers.zip --dry-run",
        "osdimage bootimage add-driver winpe.wim --driver netkvm.inf",
    ),
    "bootimage export": (
        "osdimage bootimage export 'Windows.iso!sources/boot.wim' boot.wim --scratch 512",
        "osdimage bootimage export boot.wim pe.wim --index 1 --startnet startnet.cmd",
    ),
    "bootimage files": (
        "osdimage bootimage files boot.wim --to tftp --driver virtio-win.iso --for qemu",
        "osdimage bootimage files boot.wim --to tftp --startnet startnet.cmd --add-file menu.exe=menu.exe",
    ),
    "bootimage set": (
        "osdimage bootimage set boot.wim --scratch 512 --background lab.jpg --dry-run",
        "osdimage bootimage set boot.wim --index 1 --startnet startnet.cmd --add-file menu.exe=/Tools/menu.exe",
        "osdimage bootimage set boot.wim --prestart 'cmd /c ask.cmd' --prestart-files ask",
    ),
    "bootimage show": (
        "osdimage bootimage show boot.wim",
        "osdimage bootimage show 'Windows.iso!sources/boot.wim' --json",
    ),
    "capture": (
        'osdimage capture Reference install.wim --name "Reference 1.0"',
        "osdimage capture disk.img disk.wim --all-volumes",
        "osdimage capture first.img second.img machine.wim --all-volumes",
        "osdimage capture Reference june.wim --base install.wim --update-of 1",
        "osdimage capture sources.txt install.wim --source-list",
        "osdimage capture disk.img --partition 3 - > volume.pwm",
    ),
    "compare": (
        "osdimage compare install.wim windows --index 1",
        "osdimage compare install.wim disk.img --partition 3 --strict",
    ),
    "delete": ("osdimage delete install.wim --index 2",),
    "deploy": (
        "osdimage deploy install.wim windows.img --preset uefi --size 64GB",
        "osdimage deploy 'Windows.iso!sources/install.wim' windows.img --index 6 --preset uefi --size 64GB",
        "osdimage deploy install.wim /dev/sdb --vars lab.vars --expect-size 512110190592 --dry-run",
        "osdimage deploy install.wim /dev/sdb --also /dev/sdc --also /dev/sdd --preset uefi",
        "osdimage deploy machine.wim --layout-from-wim --disk 0=/dev/sdb --disk 1=/dev/sdc",
    ),
    "diff": (
        "osdimage diff install.wim:1 install.wim:2 --except access-times",
        "osdimage diff old.wim:1 new.wim:1 /Windows/System32 --only names --only contents --verbose",
    ),
    "disk backup": ("osdimage disk backup disk.img table.json",),
    "disk check": (
        "osdimage disk check disk.img",
        "osdimage disk check disk.img --partition 3",
        "osdimage disk check /dev/sdb --repair",
    ),
    "disk format": ("osdimage disk format disk.img --partition 2 --label Data",),
    "disk init": (
        "osdimage disk init disk.img --preset uefi --size 64GB",
        "osdimage disk init /dev/sdb --plan plan.json --expect-serial S3X9NB0K",
    ),
    "disk plan": ("osdimage disk plan --preset uefi --size 64GB --json > plan.json",),
    "disk restore": ("osdimage disk restore disk.img table.json",),
    "disk show": ("osdimage disk show disk.img", "osdimage disk show windows.qcow2 --vm-snapshot clean"),
    "doctor": ("osdimage doctor",),
    "driver check": (
        "osdimage driver check Drivers",
        "osdimage driver check virtio-win.iso --os 10.0.22631 --strict",
        "osdimage driver check 'drivers.zip!net/net.inf' --json",
    ),
    "driver import": (
        "osdimage driver import virtio-win.iso --category Guests",
        "osdimage driver import 'virtio-win.iso!vioscsi/w11/amd64' --package 'KVM guest'",
        "osdimage driver import Downloads/*.zip Downloads/*.exe --catalog lab.db",
    ),
    "driver list": (
        "osdimage driver list --class Net --os 10.0.22631 --arch amd64",
        "osdimage driver list --id 'PCI\\VEN_8086'",
    ),
    "driver package add": ("osdimage driver package add 'KVM guest' 'Red Hat VirtIO SCSI controller'",),
    "driver package create": ("osdimage driver package create 'Latitude 7440' --description 'All but graphics'",),
    "driver package delete": ("osdimage driver package delete 'KVM guest'",),
    "driver package export": (
        "osdimage driver package export 'KVM guest' '$WinPEDriver$'",
        "osdimage driver package export 'KVM guest' guest.zip",
    ),
    "driver package list": ("osdimage driver package list",),
    "driver package remove": ("osdimage driver package remove 'KVM guest' 'Red Hat VirtIO SCSI controller'",),
    "driver package show": ("osdimage driver package show 'KVM guest'",),
    "driver remove": ("osdimage driver remove 'Red Hat VirtIO SCSI controller'",),
    "driver set": (
        "osdimage driver set 'Red Hat VirtIO SCSI controller' --category +Guests,-New",
        "osdimage driver set 'Intel Wi-Fi 6' --disable --platform 10.0.22000-amd64",
    ),
    "driver add": (
        "osdimage driver add vm.qcow2 --partition 3 --driver virtio-win.iso --for qemu",
        "osdimage driver add install.wim --index 1 --driver-package latitude.cab --dry-run",
        "osdimage driver add disk.img --partition 3 --driver Drivers --for devices.txt --yes --report drivers.json",
    ),
    "driver match": (
        "osdimage driver match Drivers --for host --os 10.0.22631",
        "osdimage driver match virtio-win.iso --for qemu --os-of disk.img --partition 3",
        "osdimage driver match Drivers.zip --for pnputil.txt --os 10.0.19045 --all",
        "osdimage driver match catalog: --for lspci.txt --os 10.0.22631",
    ),
    "driver show": (
        "osdimage driver show vioscsi.inf",
        "osdimage driver show Drivers --os 10.0.22631 --arch x64",
        "osdimage driver show 'virtio-win.iso!vioscsi/w11/amd64' --json",
        "osdimage driver show 'catalog:Red Hat VirtIO SCSI controller'",
    ),
    "export": (
        "osdimage export install.wim install.esd --all",
        'osdimage export install.wim one.wim --name "Windows 11 Pro" --new-name Reference',
        'osdimage export install.esd pro.swm --name "Windows 11 Pro" --split-size 3800MB',
        "osdimage export june.wim whole.wim --all --ref install.wim",
    ),
    "driver export-installed": (
        "osdimage driver export-installed old-pc.vhdx drivers --partition 3",
        "osdimage driver export-installed install.wim drivers --index 2 --driver netkvm.inf",
    ),
    "driver installed": (
        "osdimage driver installed disk.img --partition 3",
        "osdimage driver installed install.wim --index 1 --json",
    ),
    "extract": (
        "osdimage extract install.wim '/Windows/*.log' --index 1 --to logs",
        "osdimage extract install.wim /Windows/win.ini --index 1 --to -",
        "osdimage extract install.wim --list files.txt --index 1 --to files",
        "osdimage extract damaged.wim /Users --recover-data --to rescued",
        "osdimage extract disk.img /Users --partition 3 --to users",
        "osdimage extract 'Windows.iso!sources/boot.wim' /setup.exe --index 2 --to -",
    ),
    "facts": (
        "osdimage facts > facts.json",
        "osdimage facts dmidecode.txt > facts.json",
        "osdimage facts --for-windows",
    ),
    "help": ("osdimage help disk init", "osdimage help exit-codes"),
    "info": (
        "osdimage info install.wim",
        "osdimage info 'Windows.iso!sources/install.wim'",
        'osdimage info install.wim --index 2 --set description="May updates" --boot',
        "osdimage info install.wim --index 2 --set WINDOWS/INSTALLATIONTYPE=Server --set FLAGS=ServerStandard",
    ),
    "join": ("osdimage join install.wim install.swm install2.swm install3.swm",),
    "list": (
        "osdimage list install.wim /Windows/System32/drivers --index 1 --columns",
        "osdimage list install.wim '/Windows/*.log' --index 1",
        "osdimage list disk.img /Windows/System32/config --partition 3 --columns",
    ),
    "media boot": (
        "osdimage media boot boot.iso --boot-image boot.wim --server '\\\\server\\deploy\\lab'",
        "osdimage media boot site.iso --boot-image boot.wim --server https://mp.example/ --no-prompt",
    ),
    "media capture": (
        "osdimage media capture capture.iso --boot-image boot.wim --destination '\\\\server\\images\\pc.wim' --name PC",
    ),
    "media extract": (
        "osdimage media extract windows.iso sources/install.wim --to .",
        "osdimage media extract windows.iso / --to windows",
        "osdimage media extract windows.iso sources/idwbinfo.txt --to -",
    ),
    "media iso": (
        "osdimage media iso winpe.iso --boot-image boot.wim --startnet startnet.cmd --no-prompt",
        "osdimage media iso lab.iso --source Windows.iso --driver virtio-win.iso --unattend answers.xml",
        "osdimage media iso new.iso --from Windows.iso --unattend answers.xml --add tools=/tools --dry-run",
    ),
    "media list": (
        "osdimage media list windows.iso",
        "osdimage media list windows.iso 'sources/*.wim' --columns",
    ),
    "media netboot": (
        "osdimage media netboot /srv/netboot --boot-image pe=boot.wim --wimboot wimboot --url http://192.168.50.1/",
        "osdimage media netboot /srv/netboot --boot-image boot.wim --wimboot wimboot --known computers.csv",
        "osdimage media netboot /srv/netboot --boot-image boot.wim --native --proxy 192.168.50.0/24",
    ),
    "media sdi": ("osdimage media sdi boot.sdi --check", "osdimage media sdi boot.sdi --create"),
    "media show": ("osdimage media show windows.iso",),
    "media standalone": (
        "osdimage media standalone lab.iso --sequence ts.xml --boot-image boot.wim --package P1=os.wim --password",
        "osdimage media standalone x.iso --sequence ts.xml --boot-image boot.wim --answers a.yaml --media-size dvd",
        "osdimage media standalone /dev/sdb --usb --sequence ts.xml --boot-image boot.wim --package P1=os.wim",
    ),
    "media usb": (
        "osdimage media usb lab.img --boot-image boot.wim --startnet startnet.cmd",
        "osdimage media usb /dev/sdb --source Windows.iso --driver virtio-win.iso --expect-serial 4C530001",
        "osdimage media usb /dev/sdb --source Windows.iso --update --dry-run",
    ),
    "media verify": (
        "osdimage media verify windows.iso",
        "osdimage media verify /dev/sdb --boot-only",
        "osdimage media verify lab-1.iso lab-2.iso --allowed-signers signers",
    ),
    "mount": (
        "osdimage mount install.wim mnt --index 1",
        'osdimage mount install.wim mnt --name "Windows 11 Pro" --read-write',
        "osdimage mount --list",
    ),
    "optimize": (
        "osdimage optimize install.wim",
        "osdimage optimize install.wim --compress lzx:100 --recompress",
    ),
    "registry export": ("osdimage registry export SOFTWARE 'Microsoft\\Windows NT' --to nt.reg",),
    "registry get": (
        "osdimage registry get disk.img --partition 3 --hive SYSTEM 'CurrentControlSet\\Services\\stornvme'",
    ),
    "registry import": ("osdimage registry import disk.img --partition 3 --hive SYSTEM boot.reg",),
    "registry set": ("osdimage registry set install.wim --index 1 --hive SYSTEM Setup 1 --value Lab --type dword",),
    "run": (
        "osdimage run sequence.xml --disk 0=disk.img --size 64GB --package ABC00001=install.wim --dry-run",
        "osdimage run sequence.xml --disk 0=disk.img --size 64GB --answers answers.yaml --log smsts.log",
        "osdimage run --collect disk.img",
        "osdimage run --medium lab.iso --disk 0=disk.img --size 64GB",
    ),
    "schema": ("osdimage schema disk-show", "osdimage schema --json"),
    "split": (
        "osdimage split install.wim /media/stick/sources/install.swm",
        "osdimage split install.esd install.swm --size 2GB",
    ),
    "unmount": (
        "osdimage unmount mnt",
        "osdimage unmount mnt --commit",
    ),
    "update": (
        "osdimage update boot.wim --index 2 --add startnet.cmd=/Windows/System32/startnet.cmd",
        "osdimage update install.wim --index 1 --delete '/Windows/Temp/*' --recursive --reg lab.reg --dry-run",
        "osdimage update boot.wim --index 2 --from commands.txt",
    ),
    "verify": ("osdimage verify install.wim",),
}
