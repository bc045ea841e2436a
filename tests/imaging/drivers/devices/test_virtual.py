r"""Devices of virtual machines: the preset, and domains of libvirt."""

from __future__ import annotations

import pytest
from judges.qemu_pci import Shown, shown_on_pci
from osdimage.imaging.drivers import DeviceSource, devices_of_listing, read_devices
from osdimage.imaging.drivers.devices import qemu
from osdimage.imaging.drivers.devices.pci import PciFunction
from osdimage.imaging.errors import InvalidInput

# What QEMU calls the devices that libvirt has other names for, with what they cannot be without.
_OTHER_NAMES = {
    "ac97": "AC97,audiodev=quiet",
    "ahci": "ich9-ahci",
    "bochs": "bochs-display",
    "cirrus": "cirrus-vga",
    "ehci": "usb-ehci",
    "es1370": "ES1370,audiodev=quiet",
    "ich6": "intel-hda",
    "ich9": "ich9-intel-hda",
    "ich9-ehci1": "ich9-usb-ehci1",
    "ich9-uhci1": "ich9-usb-uhci1",
    "ich9-uhci2": "ich9-usb-uhci2",
    "ich9-uhci3": "ich9-usb-uhci3",
    "ivshmem-plain": "ivshmem-plain,memdev=shared",
    "lsilogic": "lsi53c895a",
    "lsisas1068": "mptsas1068",
    "lsisas1078": "megasas",
    "nec-xhci": "nec-usb-xhci",
    "nvme": "nvme,serial=1,drive=empty",
    "piix3-uhci": "piix3-usb-uhci",
    "pvpanic": "pvpanic-pci",
    "qxl": "qxl-vga",
    "vga": "VGA",
    "vmpvscsi": "pvscsi",
    "vmvga": "vmware-svga",
}
# These are part of a machine.
_BUILT_IN = {"smbus", "piix3-ide"}
_VIRTIO = {
    qemu.NETWORK: "virtio-net-pci",
    qemu.BLOCK: "virtio-blk-pci,drive=empty",
    qemu.SCSI: "virtio-scsi-pci",
    qemu.SERIAL: "virtio-serial-pci",
    qemu.RANDOM: "virtio-rng-pci",
    qemu.BALLOON: "virtio-balloon-pci",
    qemu.DISPLAY: "virtio-vga",
    qemu.INPUT: "virtio-keyboard-pci",
}


def _as_shown(function: PciFunction) -> tuple[int, int | None, int | None, int | None]:
    assert function.device_class is not None
    assert function.interface is not None
    kind = function.device_class << 8 | function.interface
    return function.vendor << 16 | function.device, kind, function.revision, function.subsystem


def _plain(shown: Shown) -> tuple[int, int, int, int]:
    return shown.ids, shown.device_class, shown.revision, shown.subsystem


@pytest.mark.foreign
def test_emulated_devices_show_what_qemu_says_that_they_show() -> None:
    # The first display of a machine must be that of QXL.
    names = sorted(qemu.EMULATED.keys() - _BUILT_IN, key=lambda name: (name != "qxl", name))
    # Two to a slot: q35 has 31.
    places = {each: (1 + at // 2, at % 2) for at, each in enumerate(names)}
    devices = [
        f"{_OTHER_NAMES.get(each, each)},bus=pcie.0,addr={slot:x}.{number},multifunction=on"
        for each, (slot, number) in places.items()
    ]
    found = {(each.slot, each.number): _plain(each) for each in shown_on_pci("q35", devices)}
    assert {each: found[places[each]] for each in names} == {
        each: _as_shown(qemu.EMULATED[each].function) for each in names
    }
    assert found[31, 3] == _as_shown(qemu.EMULATED["smbus"].function)


@pytest.mark.foreign
def test_what_is_built_into_the_older_machine_is_what_qemu_says() -> None:
    found = {(each.slot, each.number): _plain(each) for each in shown_on_pci("pc", [])}
    assert found[1, 1] == _as_shown(qemu.EMULATED["piix3-ide"].function)


@pytest.mark.foreign
@pytest.mark.parametrize("form", list(qemu.Form))
def test_virtio_devices_show_what_qemu_says_that_they_show(form: qemu.Form) -> None:
    devices: list[str] = []
    for at, device in enumerate(_VIRTIO.values(), 1):
        if form is qemu.Form.MODERN:
            devices += [f"pcie-root-port,id=port{at},chassis={at},addr={at:x}", f"{device},bus=port{at}"]
        else:
            devices.append(f"{device},bus=pcie.0,addr={at:x}")
    found = [_plain(each) for each in shown_on_pci("q35", devices) if each.ids >> 16 == 0x1AF4]
    assert found == [_as_shown(each.function(form)) for each in _VIRTIO]


def test_the_preset_has_each_virtio_device_in_both_of_its_forms() -> None:
    found = read_devices("qemu")
    assert found.kind is DeviceSource.QEMU
    first = {each.hardware_ids[0]: each.name for each in found.devices}
    # As in virtio-win's own INFs: viostor.inx and vioscsi.inx.
    assert first[r"PCI\VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00"] == "disk (virtio, transitional)"
    assert first[r"PCI\VEN_1AF4&DEV_1042&SUBSYS_11001AF4&REV_01"] == "disk (virtio)"
    assert first[r"PCI\VEN_1AF4&DEV_1004&SUBSYS_00081AF4&REV_00"] == "SCSI controller (virtio, transitional)"
    assert first[r"PCI\VEN_1AF4&DEV_1048&SUBSYS_11001AF4&REV_01"] == "SCSI controller (virtio)"
    assert r"ACPI\VEN_QEMU&DEV_0001" in first
    assert len(first) == len(found.devices)


# A machine that virt-install 4.1 made ("virt-install --osinfo win11 --print-xml"), with fewer devices.
_Q35 = """\
<domain type="kvm">
  <name>win11</name>
  <os><type arch="x86_64" machine="pc-q35-7.2">hvm</type></os>
  <devices>
    <disk type="file" device="disk"><target dev="vda" bus="virtio"/></disk>
    <disk type="file" device="cdrom"><target dev="sda" bus="sata"/></disk>
    <controller type="usb" model="qemu-xhci" ports="15"/>
    <controller type="pci" model="pcie-root" index="0"/>
    <controller type="pci" model="pcie-root-port" index="1"/>
    <controller type="pci" model="pcie-to-pci-bridge" index="2"/>
    <controller type="scsi" index="0" model="virtio-scsi">
      <address type="pci" domain="0x0000" bus="0x01" slot="0x00" function="0x0"/>
    </controller>
    <interface type="network"><model type="virtio"/>
      <address type="pci" domain="0x0000" bus="0x02" slot="0x01" function="0x0"/></interface>
    <interface type="network"><model type="e1000e"/></interface>
    <memballoon model="virtio"><address type="pci" bus="0x00" slot="0x05" function="0x0"/></memballoon>
    <channel type="spicevmc"><target type="virtio" name="com.redhat.spice.0"/></channel>
    <hostdev mode="subsystem" type="pci" managed="yes"/>
    <panic model="isa"/>
    <video><model type="qxl"/></video>
  </devices>
</domain>
"""


def test_where_a_virtio_device_is_decides_its_numbers_on_q35() -> None:
    found = devices_of_listing(_Q35.encode(), name="domain")
    assert found.kind is DeviceSource.LIBVIRT
    first = [each.hardware_ids[0] for each in found.devices]
    assert first == [
        r"PCI\VEN_8086&DEV_2922&SUBSYS_11001AF4&REV_02",
        r"PCI\VEN_8086&DEV_2930&SUBSYS_11001AF4&REV_02",
        r"ACPI\VEN_QEMU&DEV_0002",
        r"PCI\VEN_1AF4&DEV_1042&SUBSYS_11001AF4&REV_01",
        r"PCI\VEN_1B36&DEV_000D&SUBSYS_11001AF4&REV_01",
        # Behind a root port, behind a bridge to conventional PCI, and on the root complex itself.
        r"PCI\VEN_1AF4&DEV_1048&SUBSYS_11001AF4&REV_01",
        r"PCI\VEN_1AF4&DEV_1000&SUBSYS_00011AF4&REV_00",
        r"PCI\VEN_8086&DEV_10D3&SUBSYS_00008086&REV_00",
        r"PCI\VEN_1AF4&DEV_1002&SUBSYS_00051AF4&REV_00",
        r"PCI\VEN_1AF4&DEV_1043&SUBSYS_11001AF4&REV_01",
        r"ACPI\VEN_QEMU&DEV_0001",
        r"PCI\VEN_1B36&DEV_0100&SUBSYS_11001AF4&REV_05",
    ]
    assert "passed through (pci) are left out" in found.warnings[0]


def _device(xml: str, machine: str = "pc-i440fx-7.2") -> list[str]:
    text = (
        f'<domstatus><domain><os><type arch="x86_64" machine="{machine}">hvm</type></os>'
        f"<devices>{xml}</devices></domain></domstatus>"
    )
    found = devices_of_listing(text.encode(), name="domain").devices
    return [each.hardware_ids[0] for each in found if "QEMU" not in each.hardware_ids[0]][1:]


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        ('<disk><target bus="virtio"/></disk>', r"PCI\VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00"),
        (
            '<disk model="virtio-non-transitional"><target bus="virtio"/></disk>',
            r"PCI\VEN_1AF4&DEV_1042&SUBSYS_11001AF4&REV_01",
        ),
        ('<controller type="scsi"/>', r"PCI\VEN_1000&DEV_0012&SUBSYS_10000000&REV_00"),
        ('<controller type="scsi" model="vmpvscsi"/>', r"PCI\VEN_15AD&DEV_07C0&SUBSYS_07C015AD&REV_02"),
        ('<controller type="sata"/>', r"PCI\VEN_8086&DEV_2922&SUBSYS_11001AF4&REV_02"),
        ('<controller type="usb"/>', r"PCI\VEN_8086&DEV_7020&SUBSYS_11001AF4&REV_01"),
        ("<interface/>", r"PCI\VEN_10EC&DEV_8139&SUBSYS_11001AF4&REV_20"),
        ('<rng model="virtio"/>', r"PCI\VEN_1AF4&DEV_1005&SUBSYS_00041AF4&REV_00"),
        ('<vsock model="virtio"/>', r"PCI\VEN_1AF4&DEV_1053&SUBSYS_11001AF4&REV_01"),
        ('<filesystem><driver type="virtiofs"/></filesystem>', r"PCI\VEN_1AF4&DEV_105A&SUBSYS_11001AF4&REV_01"),
        ("<filesystem/>", r"PCI\VEN_1AF4&DEV_1009&SUBSYS_00091AF4&REV_00"),
        ('<input type="tablet" bus="virtio"/>', r"PCI\VEN_1AF4&DEV_1052&SUBSYS_11001AF4&REV_01"),
        ('<video><model type="virtio"/></video>', r"PCI\VEN_1AF4&DEV_1050&SUBSYS_11001AF4&REV_01"),
        ('<sound model="ich9"/>', r"PCI\VEN_8086&DEV_293E&SUBSYS_11001AF4&REV_03"),
        ('<panic model="pvpanic"/>', r"PCI\VEN_1B36&DEV_0011&SUBSYS_11001AF4&REV_01"),
        ('<watchdog model="i6300esb"/>', r"PCI\VEN_8086&DEV_25AB&SUBSYS_11001AF4&REV_00"),
        (
            '<serial><target><model name="pci-serial"/></target></serial>',
            r"PCI\VEN_1B36&DEV_0002&SUBSYS_11001AF4&REV_01",
        ),
        ('<shmem><model type="ivshmem-plain"/></shmem>', r"PCI\VEN_1AF4&DEV_1110&SUBSYS_11001AF4&REV_01"),
    ],
    ids=lambda text: None if text.startswith("PCI") else text,
)
def test_a_device_of_a_domain_is_the_one_that_libvirt_makes_of_it(xml: str, expected: str) -> None:
    assert _device(xml) == [expected]


@pytest.mark.parametrize(
    "xml",
    ['<memballoon model="none"/>', '<video><model type="none"/></video>', '<controller type="usb" model="none"/>'],
)
def test_what_a_domain_has_none_of_is_no_device(xml: str) -> None:
    assert _device(xml) == []


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        ("<network/>", "is XML, but neither a domain of libvirt nor a report"),
        ("<domain", "not well-formed XML"),
        ('<!DOCTYPE d [<!ENTITY a "b">]><domain>&a;</domain>', "declares a document type"),
    ],
)
def test_other_xml_is_refused(xml: str, expected: str) -> None:
    with pytest.raises(InvalidInput, match=expected):
        devices_of_listing(xml.encode(), name="domain")
