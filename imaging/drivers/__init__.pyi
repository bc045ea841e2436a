# What __init__.py imports when it is used, for type checkers; a test holds the two together.

from osdimage.imaging.drivers.checking.package import (
    CheckedCatalog as CheckedCatalog,
    CheckedDriver as CheckedDriver,
    CheckedFile as CheckedFile,
    check_package as check_package,
)
from osdimage.imaging.drivers.devices.device import Device as Device
from osdimage.imaging.drivers.devices.listing import Devices as Devices, DeviceSource as DeviceSource
from osdimage.imaging.drivers.devices.sources import (
    devices_of_listing as devices_of_listing,
    read_devices as read_devices,
)
from osdimage.imaging.drivers.inf.closure import FileClosure as FileClosure, PackageFile as PackageFile
from osdimage.imaging.drivers.inf.decorations import Decoration as Decoration
from osdimage.imaging.drivers.inf.inf_file import InfFile as InfFile, Placeholder as Placeholder, read_inf as read_inf
from osdimage.imaging.drivers.inf.inf_text import InfTopic as InfTopic, InfWarning as InfWarning
from osdimage.imaging.drivers.inf.install import (
    Component as Component,
    CopyFile as CopyFile,
    Install as Install,
    Software as Software,
    WdfService as WdfService,
)
from osdimage.imaging.drivers.inf.models import Manufacturer as Manufacturer, Model as Model
from osdimage.imaging.drivers.inf.places import Folders as Folders, InfPath as InfPath
from osdimage.imaging.drivers.inf.services import EventLog as EventLog, Service as Service, ServiceStart as ServiceStart
from osdimage.imaging.drivers.inf.settings import RegAction as RegAction, RegRoot as RegRoot, RegSetting as RegSetting
from osdimage.imaging.drivers.inf.version import DriverVersion as DriverVersion, InfVersion as InfVersion
from osdimage.imaging.drivers.injection.changes import Changes as Changes, NewFile as NewFile
from osdimage.imaging.drivers.injection.choose import (
    ChosenDrivers as ChosenDrivers,
    DriverWish as DriverWish,
    open_drivers as open_drivers,
)
from osdimage.imaging.drivers.injection.first_start import FirstStart as FirstStart
from osdimage.imaging.drivers.injection.into_folder import FolderTarget as FolderTarget
from osdimage.imaging.drivers.injection.into_image import ImageTarget as ImageTarget
from osdimage.imaging.drivers.injection.into_volume import VolumeTarget as VolumeTarget
from osdimage.imaging.drivers.injection.places import (
    Planned as Planned,
    TargetPlace as TargetPlace,
    open_target as open_target,
    planned_injection as planned_injection,
)
from osdimage.imaging.drivers.injection.plan import (
    InjectionOptions as InjectionOptions,
    InjectionPlan as InjectionPlan,
    Method as Method,
    WantedDriver as WantedDriver,
)
from osdimage.imaging.drivers.injection.planning import plan_driver_injection as plan_driver_injection
from osdimage.imaging.drivers.injection.script import Installer as Installer
from osdimage.imaging.drivers.injection.staging import StagedDriver as StagedDriver, StagedFile as StagedFile
from osdimage.imaging.drivers.injection.target import InjectionTarget as InjectionTarget
from osdimage.imaging.drivers.offline.boot_driver import (
    BootConfiguration as BootConfiguration,
    BootDriver as BootDriver,
    boot_models as boot_models,
    oem_boot_driver as oem_boot_driver,
    why_not_boot as why_not_boot,
)
from osdimage.imaging.drivers.offline.boot_enable import (
    BootEnabling as BootEnabling,
    BootFile as BootFile,
    plan_boot_enabling as plan_boot_enabling,
    plan_driver as plan_driver,
)
from osdimage.imaging.drivers.offline.export import (
    DriverExport as DriverExport,
    ExportedDriver as ExportedDriver,
    export_installed as export_installed,
)
from osdimage.imaging.drivers.offline.installed import (
    InstalledDriver as InstalledDriver,
    InstalledDrivers as InstalledDrivers,
    Presence as Presence,
    chosen_drivers as chosen_drivers,
    installed_drivers as installed_drivers,
)
from osdimage.imaging.drivers.offline.places import open_windows_files as open_windows_files
from osdimage.imaging.drivers.offline.txtsetup import (
    OemComponent as OemComponent,
    OemFile as OemFile,
    OemSetting as OemSetting,
    TxtSetup as TxtSetup,
    read_txtsetup as read_txtsetup,
)
from osdimage.imaging.drivers.offline.version_value import VersionValue as VersionValue
from osdimage.imaging.drivers.offline.windows import (
    OfflineWindows as OfflineWindows,
    offline_windows as offline_windows,
)
from osdimage.imaging.drivers.packages import DriverPackage as DriverPackage, packages_in as packages_in
from osdimage.imaging.drivers.ranking.index import (
    Candidate as Candidate,
    DriverFacts as DriverFacts,
    DriverIndex as DriverIndex,
    MemoryIndex as MemoryIndex,
    fold_id as fold_id,
)
from osdimage.imaging.drivers.ranking.joined import JoinedIndex as JoinedIndex
from osdimage.imaging.drivers.ranking.match import (
    DeviceMatch as DeviceMatch,
    Matching as Matching,
    Ranked as Ranked,
    Unused as Unused,
    Why as Why,
    match_drivers as match_drivers,
)
from osdimage.imaging.drivers.ranking.packages import (
    Packaged as Packaged,
    candidates_of as candidates_of,
    index_packages as index_packages,
)
from osdimage.imaging.drivers.ranking.rank import MatchKind as MatchKind, Rank as Rank, Signature as Signature
from osdimage.imaging.drivers.ranking.wording import why_behind as why_behind, why_ranked as why_ranked
from osdimage.imaging.drivers.shown import (
    DriverKind as DriverKind,
    ShownDriver as ShownDriver,
    ShownFile as ShownFile,
    ShownModel as ShownModel,
    ShownService as ShownService,
    show_driver as show_driver,
)
from osdimage.imaging.drivers.signed.catalog import (
    Catalog as Catalog,
    CatalogMember as CatalogMember,
    read_catalog as read_catalog,
)
from osdimage.imaging.drivers.signed.package import (
    CatalogCheck as CatalogCheck,
    CatalogChecker as CatalogChecker,
    FileCheck as FileCheck,
    check_catalog as check_catalog,
    signature_of as signature_of,
)
from osdimage.imaging.drivers.signed.pkcs7 import FileSignature as FileSignature, Verdict as Verdict
from osdimage.imaging.drivers.signed.program import program_signature as program_signature
from osdimage.imaging.drivers.store.adding import (
    ImportWish as ImportWish,
    ImportedInf as ImportedInf,
    Outcome as Outcome,
)
from osdimage.imaging.drivers.store.addresses import (
    AddressKind as AddressKind,
    Resolved as Resolved,
    is_address as is_address,
    resolve as resolve,
)
from osdimage.imaging.drivers.store.catalog import (
    DriverCatalog as DriverCatalog,
    all_drivers as all_drivers,
    default_catalog as default_catalog,
    find_driver as find_driver,
    open_catalog as open_catalog,
)
from osdimage.imaging.drivers.store.exporting import Exported as Exported, export_package as export_package
from osdimage.imaging.drivers.store.importing import import_drivers as import_drivers
from osdimage.imaging.drivers.store.index import CatalogIndex as CatalogIndex
from osdimage.imaging.drivers.store.named import (
    add_to_package as add_to_package,
    all_packages as all_packages,
    create_package as create_package,
    delete_package as delete_package,
    find_package as find_package,
    remove_from_package as remove_from_package,
)
from osdimage.imaging.drivers.store.opening import open_driver_files as open_driver_files
from osdimage.imaging.drivers.store.platforms import (
    Applicability as Applicability,
    Platform as Platform,
    parse_platforms as parse_platforms,
)
from osdimage.imaging.drivers.store.records import CatalogDriver as CatalogDriver, CatalogPackage as CatalogPackage
from osdimage.imaging.drivers.store.search import DriverFilter as DriverFilter, find_drivers as find_drivers
from osdimage.imaging.drivers.store.settings import (
    DriverChange as DriverChange,
    change_driver as change_driver,
    remove_drivers as remove_drivers,
)
from osdimage.imaging.drivers.supplied.folder import FolderFiles as FolderFiles
from osdimage.imaging.drivers.supplied.members import SupplyLimits as SupplyLimits
from osdimage.imaging.drivers.supplied.opened import Supply as Supply, open_supply as open_supply
from osdimage.imaging.drivers.supplied.variants import (
    Choice as Choice,
    LeftOut as LeftOut,
    choose_folders as choose_folders,
    choose_packages as choose_packages,
)
from osdimage.imaging.drivers.target_os import (
    Architecture as Architecture,
    ProductType as ProductType,
    TargetOs as TargetOs,
)
