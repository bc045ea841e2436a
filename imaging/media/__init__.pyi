# What __init__.py imports when it is used, for type checkers; a test holds the two together.

from osdimage.imaging.media.bootimage.change import BootChange as BootChange, change_boot_image as change_boot_image
from osdimage.imaging.media.bootimage.choosing import DriverWish as DriverWish
from osdimage.imaging.media.bootimage.export import export_boot_image as export_boot_image
from osdimage.imaging.media.bootimage.facts import (
    Background as Background,
    BootDriver as BootDriver,
    BootImage as BootImage,
    BootKind as BootKind,
    Component as Component,
    DriverWay as DriverWay,
)
from osdimage.imaging.media.bootimage.netboot import (
    NetFile as NetFile,
    NetPlan as NetPlan,
    NetWish as NetWish,
    plan_net_files as plan_net_files,
    write_net_files as write_net_files,
)
from osdimage.imaging.media.bootimage.plan import (
    BootPlan as BootPlan,
    LeftOut as LeftOut,
    Payload as Payload,
    PlacedFile as PlacedFile,
    PlacedValue as PlacedValue,
    PlannedDriver as PlannedDriver,
)
from osdimage.imaging.media.bootimage.reading import (
    boot_image_of as boot_image_of,
    read_boot_image as read_boot_image,
    read_boot_images as read_boot_images,
)
from osdimage.imaging.media.bootimage.settings import AddedFile as AddedFile, BootSettings as BootSettings
from osdimage.imaging.media.bootimage.winpeshl import Launched as Launched
from osdimage.imaging.media.bootimage.wishes import plan_boot_image as plan_boot_image
from osdimage.imaging.media.checked.report import (
    MediaReport as MediaReport,
    MediumKind as MediumKind,
    MediumReport as MediumReport,
)
from osdimage.imaging.media.checked.verify import (
    VerifyOptions as VerifyOptions,
    verify_media as verify_media,
    verify_medium as verify_medium,
)
from osdimage.imaging.media.discs.plan import IsoOptions as IsoOptions, new_set_id as new_set_id, plan_iso as plan_iso
from osdimage.imaging.media.discs.remaster import OldDisc as OldDisc, read_old_disc as read_old_disc
from osdimage.imaging.media.discs.sizes import DISC_SIZES as DISC_SIZES, parse_disc_size as parse_disc_size
from osdimage.imaging.media.discs.write import refuse_iso_target as refuse_iso_target, write_iso as write_iso
from osdimage.imaging.media.netboot.clients import NetClient as NetClient
from osdimage.imaging.media.netboot.dnsmasq import NetOffer as NetOffer
from osdimage.imaging.media.netboot.folder import NetbootReport as NetbootReport, write_netboot as write_netboot
from osdimage.imaging.media.netboot.known import KnownComputer as KnownComputer, known_computers as known_computers
from osdimage.imaging.media.netboot.network import Leases as Leases
from osdimage.imaging.media.netboot.plan import NetbootPlan as NetbootPlan, plan_netboot as plan_netboot
from osdimage.imaging.media.netboot.scripts import UnknownComputers as UnknownComputers
from osdimage.imaging.media.netboot.wimboot import Wimboot as Wimboot, read_wimboot as read_wimboot
from osdimage.imaging.media.netboot.wishes import (
    NamedImage as NamedImage,
    NetbootWish as NetbootWish,
    ServerWish as ServerWish,
)
from osdimage.imaging.media.parts.changes import (
    MediumChanges as MediumChanges,
    PlacedSource as PlacedSource,
    changed_files as changed_files,
)
from osdimage.imaging.media.parts.find import PartsWish as PartsWish, find_parts as find_parts
from osdimage.imaging.media.parts.medium import (
    BootParts as BootParts,
    Medium as Medium,
    MediumFile as MediumFile,
    PreparedImage as PreparedImage,
    SignedBy as SignedBy,
)
from osdimage.imaging.media.parts.prepared import prepared_boot_image as prepared_boot_image
from osdimage.imaging.media.parts.sdi import (
    SdiFacts as SdiFacts,
    SdiPart as SdiPart,
    create_sdi as create_sdi,
    read_sdi as read_sdi,
    write_sdi as write_sdi,
)
from osdimage.imaging.media.parts.source import MediumSource as MediumSource, open_source as open_source
from osdimage.imaging.media.sequence.checking import (
    CheckedManifest as CheckedManifest,
    check_manifest as check_manifest,
    check_set as check_set,
    read_manifest as read_manifest,
)
from osdimage.imaging.media.sequence.content import (
    GivenSequence as GivenSequence,
    SequenceContent as SequenceContent,
    content_of as content_of,
)
from osdimage.imaging.media.sequence.families import MediaSequence as MediaSequence
from osdimage.imaging.media.sequence.given import StandaloneGiven as StandaloneGiven
from osdimage.imaging.media.sequence.manifest import (
    DiscOfSet as DiscOfSet,
    ManifestFile as ManifestFile,
    ManifestImage as ManifestImage,
    ManifestPackage as ManifestPackage,
    ManifestSequence as ManifestSequence,
    ManifestVariables as ManifestVariables,
    MediaKind as MediaKind,
    MediaManifest as MediaManifest,
    Runner as Runner,
)
from osdimage.imaging.media.sequence.manifest_json import (
    manifest_from_json as manifest_from_json,
    manifest_to_json as manifest_to_json,
)
from osdimage.imaging.media.sequence.opened import (
    MediumForm as MediumForm,
    OpenMedium as OpenMedium,
    open_medium as open_medium,
)
from osdimage.imaging.media.sequence.running import (
    MediaRun as MediaRun,
    MediaUse as MediaUse,
    open_media_run as open_media_run,
)
from osdimage.imaging.media.sequence.sealed import (
    Stretching as Stretching,
    checked_password as checked_password,
    seal as seal,
    unseal as unseal,
)
from osdimage.imaging.media.sequence.sets.described import (
    PackageContent as PackageContent,
    PlannedDisc as PlannedDisc,
    SetOptions as SetOptions,
    SetPlan as SetPlan,
    SplitWim as SplitWim,
    disc_path as disc_path,
)
from osdimage.imaging.media.sequence.sets.plan import pack as pack, plan_set as plan_set
from osdimage.imaging.media.sequence.settings import (
    MediaSettings as MediaSettings,
    settings_from_json as settings_from_json,
    settings_to_json as settings_to_json,
)
from osdimage.imaging.media.sequence.signature import (
    SignatureReport as SignatureReport,
    SignatureState as SignatureState,
    Trusted as Trusted,
    check_signature as check_signature,
    sign as sign,
)
from osdimage.imaging.media.sequence.standalone import (
    StandaloneWish as StandaloneWish,
    plan_standalone as plan_standalone,
)
from osdimage.imaging.media.sequence.sums import (
    hashes_of as hashes_of,
    sums_from_text as sums_from_text,
    sums_to_text as sums_to_text,
)
from osdimage.imaging.media.sequence.validation import (
    Validation as Validation,
    validate_standalone as validate_standalone,
)
from osdimage.imaging.media.usb.layout import StickLayout as StickLayout
from osdimage.imaging.media.usb.plan import (
    StickOptions as StickOptions,
    StickPlan as StickPlan,
    StickVolume as StickVolume,
    plan_stick as plan_stick,
)
from osdimage.imaging.media.usb.splitting import Fitted as Fitted, fitted as fitted
from osdimage.imaging.media.usb.target import planned_stick as planned_stick
from osdimage.imaging.media.usb.update import (
    StickUpdate as StickUpdate,
    VolumeUpdate as VolumeUpdate,
    layout_of as layout_of,
    plan_update as plan_update,
    update_stick as update_stick,
)
from osdimage.imaging.media.usb.write import StickReport as StickReport, write_stick as write_stick
from osdimage.imaging.media.winpe.capturing import CaptureWish as CaptureWish, capture_files as capture_files
from osdimage.imaging.media.winpe.model import (
    PeFate as PeFate,
    PeFile as PeFile,
    PeRun as PeRun,
    PeScript as PeScript,
    PeStep as PeStep,
    PeWish as PeWish,
)
from osdimage.imaging.media.winpe.placed import scripts_on_medium as scripts_on_medium, settings_with as settings_with
from osdimage.imaging.media.winpe.run import plan_pe_run as plan_pe_run
from osdimage.imaging.media.winpe.served import served_files as served_files
from osdimage.imaging.media.winpe.shares import (
    SharePath as SharePath,
    share_path as share_path,
    web_address as web_address,
)
