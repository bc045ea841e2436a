"""What a Windows that does not run is, by its hives and its kernel."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cases import hive_logs
from cases.offline_windows import (
    SERVER_2022,
    WINDOWS_7,
    WINDOWS_10,
    WINDOWS_11,
    WINDOWS_XP,
    HeldFiles,
    Made,
    make_tree,
    software_hive,
    system_hive,
)
from cases.windows_trees import pe
from osdimage.imaging.drivers import Architecture, ProductType, TargetOs, offline_windows
from osdimage.imaging.errors import InvalidInput, TargetRefused
from osdimage.imaging.registry.hive import Key, Value
from osdimage.imaging.registry.write import write_hive

SYSTEM, SOFTWARE = "Windows/System32/config/SYSTEM", "Windows/System32/config/SOFTWARE"
KERNEL = "Windows/System32/ntoskrnl.exe"


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        pytest.param(WINDOWS_XP, TargetOs(5, 1, 2600, Architecture.X86), id="XP"),
        pytest.param(WINDOWS_7, TargetOs(6, 1, 7601, Architecture.AMD64, suites=0x10), id="7"),
        pytest.param(WINDOWS_10, TargetOs(10, 0, 17763, Architecture.AMD64, suites=0x10), id="10"),
        pytest.param(
            replace(WINDOWS_11, architecture="arm64"), TargetOs(10, 0, 22631, Architecture.ARM64, suites=0x10), id="11"
        ),
        # VER_SUITE_TERMINAL 0x10 and VER_SUITE_DATACENTER 0x80.
        pytest.param(
            SERVER_2022, TargetOs(10, 0, 20348, Architecture.AMD64, ProductType.SERVER, 0x90), id="Server 2022"
        ),
        pytest.param(
            replace(SERVER_2022, product="LanmanNT"),
            TargetOs(10, 0, 20348, Architecture.AMD64, ProductType.DOMAIN_CONTROLLER, 0x90),
            id="domain controller",
        ),
    ],
)
def test_a_windows_is_told_by_its_hives_and_its_kernel(made: Made, expected: TargetOs) -> None:
    found = offline_windows(HeldFiles(make_tree(made)))
    assert found.os == expected
    assert found.folder == made.folder
    assert not found.is_pe
    assert not found.has_pending
    assert found.warnings == ()


def test_windows_2000_is_in_another_folder() -> None:
    found = offline_windows(HeldFiles(make_tree(replace(WINDOWS_XP, version=(5, 0), build=2195, folder="WINNT"))))
    assert (found.folder, found.os.version) == ("WINNT", (5, 0))
    assert found.hive_path("system") == "WINNT/System32/config/SYSTEM"


def test_the_control_set_is_the_one_that_is_the_default() -> None:
    found = offline_windows(HeldFiles(make_tree(replace(WINDOWS_7, control_set=2))))
    assert found.control_set == "ControlSet002"


@pytest.mark.parametrize(
    ("made", "database", "drivers"), [(WINDOWS_7, False, False), (WINDOWS_10, True, True)], ids=["7", "10"]
)
def test_a_windows_from_8_on_has_a_database_of_drivers(made: Made, database: bool, drivers: bool) -> None:
    found = offline_windows(HeldFiles(make_tree(made)))
    assert found.has_driver_database is database
    assert ("DRIVERS" in found.hives) is drivers


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (WINDOWS_11, True),
        (replace(WINDOWS_11, image_state="IMAGE_STATE_GENERALIZE_RESEAL_TO_AUDIT"), True),
        (replace(WINDOWS_11, image_state="IMAGE_STATE_SPECIALIZE_RESEAL_TO_OOBE"), False),
        (replace(WINDOWS_11, image_state="IMAGE_STATE_COMPLETE"), False),
        (replace(WINDOWS_11, image_state=None), False),
        (WINDOWS_XP, True),
        (replace(WINDOWS_XP, setup_type=0), False),
        (replace(WINDOWS_XP, setup_command="setup.exe"), False),
    ],
)
def test_a_generalized_windows_says_so(made: Made, expected: bool) -> None:
    assert offline_windows(HeldFiles(make_tree(made))).is_generalized is expected


@pytest.mark.parametrize(
    "made", [replace(WINDOWS_11, edition="WindowsPE"), replace(WINDOWS_11, setup_command="winpeshl.exe")]
)
def test_windows_pe_says_so(made: Made) -> None:
    assert offline_windows(HeldFiles(make_tree(made))).is_pe


def refs_formatter(_root: Key, control_set: Key) -> None:
    # As in SYSTEM_WIN_10_1709 of mkorman90/regipy, which is a whole Windows.
    control_set.ensure(r"Control\MiniNT").set(Value.dword("AllowRefsFormatOverNoMirrorVolume", 0x12))


def test_a_whole_windows_that_may_format_refs_is_no_windows_pe() -> None:
    assert not offline_windows(HeldFiles(make_tree(replace(WINDOWS_11, more=refs_formatter)))).is_pe


def test_what_a_hive_does_not_say_the_kernel_says() -> None:
    files = make_tree(WINDOWS_7)
    del files[SOFTWARE]
    found = offline_windows(HeldFiles(files))
    assert found.os == TargetOs(6, 1, 0, Architecture.AMD64, suites=0x10)
    assert found.warnings == ("held: its hive SOFTWARE does not tell its build",)


@pytest.mark.parametrize("kernel", [None, b"no program"])
def test_what_the_kernel_does_not_say_the_hives_say(kernel: bytes | None) -> None:
    files = make_tree(WINDOWS_11)
    del files[KERNEL]
    if kernel is not None:
        files[KERNEL] = kernel
    found = offline_windows(HeldFiles(files))
    assert found.os == TargetOs(10, 0, 22631, Architecture.AMD64, suites=0x10)
    (warning,) = found.warnings
    assert KERNEL in warning


def test_a_kernel_of_another_version_is_told() -> None:
    files = make_tree(WINDOWS_10) | {KERNEL: pe(0x8664, version=(6, 1))}
    found = offline_windows(HeldFiles(files))
    assert found.os.version == (10, 0)
    assert found.warnings == ("held: is Windows NT 10.0 by its registry, with a kernel for 6.1",)


def test_a_product_that_is_none_is_taken_for_a_workstation_and_told() -> None:
    found = offline_windows(HeldFiles(make_tree(replace(WINDOWS_11, product="Toaster"))))
    assert found.os.product is ProductType.WORKSTATION
    assert found.warnings == (
        "held: its registry says 'Toaster' of what kind of product it is (ProductType); taken for a workstation",
    )


def test_a_volume_without_windows_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"held: holds no Windows: there is no \\Windows\\System32\\config\\SYSTEM"):
        offline_windows(HeldFiles({"Users/x.txt": b""}))


def no_select(root: Key, _control_set: Key) -> None:
    root.delete_key("Select")


def other_default(root: Key, _control_set: Key) -> None:
    root.ensure("Select").set(Value.dword("Default", 3))


def text_default(root: Key, _control_set: Key) -> None:
    root.ensure("Select").set(Value.string("Default", "1"))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({SYSTEM: b"no hive"}, "not a registry hive"),
        ({SYSTEM: write_hive(system_hive(replace(WINDOWS_11, more=no_select)))}, "does not tell which control set"),
        ({SYSTEM: write_hive(system_hive(replace(WINDOWS_11, more=other_default)))}, "has no key ControlSet003"),
        (
            {SYSTEM: write_hive(system_hive(replace(WINDOWS_11, more=text_default)))},
            "'Default' is REG_SZ, not a number",
        ),
        ({SOFTWARE: b"no hive"}, "not a registry hive"),
        (
            {SOFTWARE: write_hive(software_hive(replace(WINDOWS_11, version=(7, 77)))), KERNEL: pe(0x9999)},
            None,
        ),
    ],
)
def test_a_damaged_windows_is_refused_or_read_with_a_warning(files: dict[str, bytes], message: str | None) -> None:
    held = HeldFiles(make_tree(WINDOWS_11) | files)
    if message is None:
        assert offline_windows(held).warnings
        return
    with pytest.raises(InvalidInput, match=message):
        offline_windows(held)


def test_a_windows_that_is_still_updated_is_refused() -> None:
    found = offline_windows(HeldFiles(make_tree() | {"Windows/WinSxS/pending.xml": b"<actions/>"}))
    assert found.has_pending
    with pytest.raises(TargetRefused, match="updates are pending"):
        found.refuse_unready()


def test_a_windows_whose_hive_was_not_closed_is_refused() -> None:
    files = make_tree()
    # Its second number is behind the first, and there are no logs with what is missing.
    system = hive_logs.with_numbers(files[SYSTEM], 2, 1)
    found = offline_windows(HeldFiles(files | {SYSTEM: system}))
    with pytest.raises(TargetRefused, match="did not close its hive SYSTEM"):
        found.refuse_unready()


def test_a_windows_that_was_shut_down_is_taken() -> None:
    offline_windows(HeldFiles(make_tree())).refuse_unready()
