"""The descriptors of a volume (ECMA-167, part 3/10 and 4/14; OSTA UDF 2.2), declared."""

from __future__ import annotations

import construct as c

# ---- declaration: names and order of the standard ----

EXTENT_AD = c.Struct("Length" / c.Int32ul, "Location" / c.Int32ul)

LB_ADDR = c.Struct("LogicalBlockNumber" / c.Int32ul, "PartitionReferenceNumber" / c.Int16ul)

LONG_AD = c.Struct("ExtentLength" / c.Int32ul, "ExtentLocation" / LB_ADDR, "ImplementationUse" / c.Bytes(6))

ENTITY_ID = c.Struct("Flags" / c.Int8ul, "Identifier" / c.Bytes(23), "IdentifierSuffix" / c.Bytes(8))

TAG = c.Struct(
    "TagIdentifier" / c.Int16ul,
    "DescriptorVersion" / c.Int16ul,
    "TagChecksum" / c.Int8ul,
    "Reserved" / c.Int8ul,
    "TagSerialNumber" / c.Int16ul,
    "DescriptorCRC" / c.Int16ul,
    "DescriptorCRCLength" / c.Int16ul,
    "TagLocation" / c.Int32ul,
)

ANCHOR_VOLUME_DESCRIPTOR_POINTER = c.Struct(
    "DescriptorTag" / TAG,
    "MainVolumeDescriptorSequenceExtent" / EXTENT_AD,
    "ReserveVolumeDescriptorSequenceExtent" / EXTENT_AD,
)

PRIMARY_VOLUME_DESCRIPTOR = c.Struct(
    "DescriptorTag" / TAG,
    "VolumeDescriptorSequenceNumber" / c.Int32ul,
    "PrimaryVolumeDescriptorNumber" / c.Int32ul,
    "VolumeIdentifier" / c.Bytes(32),
    "VolumeSequenceNumber" / c.Int16ul,
    "MaximumVolumeSequenceNumber" / c.Int16ul,
    "InterchangeLevel" / c.Int16ul,
    "MaximumInterchangeLevel" / c.Int16ul,
    "CharacterSetList" / c.Int32ul,
    "MaximumCharacterSetList" / c.Int32ul,
    "VolumeSetIdentifier" / c.Bytes(128),
    "DescriptorCharacterSet" / c.Bytes(64),
    "ExplanatoryCharacterSet" / c.Bytes(64),
    "VolumeAbstract" / EXTENT_AD,
    "VolumeCopyrightNotice" / EXTENT_AD,
    "ApplicationIdentifier" / ENTITY_ID,
    "RecordingDateAndTime" / c.Bytes(12),
    "ImplementationIdentifier" / ENTITY_ID,
    "ImplementationUse" / c.Bytes(64),
    "PredecessorVolumeDescriptorSequenceLocation" / c.Int32ul,
    "Flags" / c.Int16ul,
    "Reserved" / c.Bytes(22),
)

IMPLEMENTATION_USE_VOLUME_DESCRIPTOR = c.Struct(
    "DescriptorTag" / TAG,
    "VolumeDescriptorSequenceNumber" / c.Int32ul,
    "ImplementationIdentifier" / ENTITY_ID,
    "LVICharset" / c.Bytes(64),
    "LogicalVolumeIdentifier" / c.Bytes(128),
    "LVInfo1" / c.Bytes(36),
    "LVInfo2" / c.Bytes(36),
    "LVInfo3" / c.Bytes(36),
    "ImplementationID" / ENTITY_ID,
    "ImplementationUse" / c.Bytes(128),
)

VOLUME_DESCRIPTOR_POINTER = c.Struct(
    "DescriptorTag" / TAG,
    "VolumeDescriptorSequenceNumber" / c.Int32ul,
    "NextVolumeDescriptorSequenceExtent" / EXTENT_AD,
)

PARTITION_DESCRIPTOR = c.Struct(
    "DescriptorTag" / TAG,
    "VolumeDescriptorSequenceNumber" / c.Int32ul,
    "PartitionFlags" / c.Int16ul,
    "PartitionNumber" / c.Int16ul,
    "PartitionContents" / ENTITY_ID,
    "PartitionContentsUse" / c.Bytes(128),
    "AccessType" / c.Int32ul,
    "PartitionStartingLocation" / c.Int32ul,
    "PartitionLength" / c.Int32ul,
    "ImplementationIdentifier" / ENTITY_ID,
    "ImplementationUse" / c.Bytes(128),
    "Reserved" / c.Bytes(156),
)

LOGICAL_VOLUME_DESCRIPTOR = c.Struct(
    "DescriptorTag" / TAG,
    "VolumeDescriptorSequenceNumber" / c.Int32ul,
    "DescriptorCharacterSet" / c.Bytes(64),
    "LogicalVolumeIdentifier" / c.Bytes(128),
    "LogicalBlockSize" / c.Int32ul,
    "DomainIdentifier" / ENTITY_ID,
    "FileSetDescriptorSequence" / LONG_AD,
    "MapTableLength" / c.Int32ul,
    "NumberOfPartitionMaps" / c.Int32ul,
    "ImplementationIdentifier" / ENTITY_ID,
    "ImplementationUse" / c.Bytes(128),
    "IntegritySequenceExtent" / EXTENT_AD,
)

TYPE_1_PARTITION_MAP = c.Struct(
    "PartitionMapType" / c.Int8ul,
    "PartitionMapLength" / c.Int8ul,
    "VolumeSequenceNumber" / c.Int16ul,
    "PartitionNumber" / c.Int16ul,
)

# Of a volume in one plain partition.
LOGICAL_VOLUME_OF_ONE = c.Struct(*LOGICAL_VOLUME_DESCRIPTOR.subcons, "PartitionMap" / TYPE_1_PARTITION_MAP)

UNALLOCATED_SPACE_DESCRIPTOR = c.Struct(
    "DescriptorTag" / TAG,
    "VolumeDescriptorSequenceNumber" / c.Int32ul,
    "NumberOfAllocationDescriptors" / c.Int32ul,
)

LOGICAL_VOLUME_INTEGRITY_DESCRIPTOR = c.Struct(
    "DescriptorTag" / TAG,
    "RecordingDateAndTime" / c.Bytes(12),
    "IntegrityType" / c.Int32ul,
    "NextIntegrityExtent" / EXTENT_AD,
    "LogicalVolumeContentsUse" / c.Bytes(32),
    "NumberOfPartitions" / c.Int32ul,
    "LengthOfImplementationUse" / c.Int32ul,
)

# Behind it for one partition: what is free of it, its size, and what the writer keeps.
INTEGRITY_OF_ONE = c.Struct(
    "FreeSpaceTable" / c.Int32ul,
    "SizeTable" / c.Int32ul,
    "ImplementationID" / ENTITY_ID,
    "NumberOfFiles" / c.Int32ul,
    "NumberOfDirectories" / c.Int32ul,
    "MinimumUDFReadRevision" / c.Int16ul,
    "MinimumUDFWriteRevision" / c.Int16ul,
    "MaximumUDFWriteRevision" / c.Int16ul,
)

FILE_SET_DESCRIPTOR = c.Struct(
    "DescriptorTag" / TAG,
    "RecordingDateAndTime" / c.Bytes(12),
    "InterchangeLevel" / c.Int16ul,
    "MaximumInterchangeLevel" / c.Int16ul,
    "CharacterSetList" / c.Int32ul,
    "MaximumCharacterSetList" / c.Int32ul,
    "FileSetNumber" / c.Int32ul,
    "FileSetDescriptorNumber" / c.Int32ul,
    "LogicalVolumeIdentifierCharacterSet" / c.Bytes(64),
    "LogicalVolumeIdentifier" / c.Bytes(128),
    "FileSetCharacterSet" / c.Bytes(64),
    "FileSetIdentifier" / c.Bytes(32),
    "CopyrightFileIdentifier" / c.Bytes(32),
    "AbstractFileIdentifier" / c.Bytes(32),
    "RootDirectoryICB" / LONG_AD,
    "DomainIdentifier" / ENTITY_ID,
    "NextExtent" / LONG_AD,
    "Reserved" / c.Bytes(48),
)

# ---- what the tags call them ----

PRIMARY_VOLUME, ANCHOR, VOLUME_POINTER, IMPLEMENTATION_USE, PARTITION, LOGICAL_VOLUME = 1, 2, 3, 4, 5, 6
UNALLOCATED_SPACE, TERMINATOR, INTEGRITY = 7, 8, 9
FILE_SET, FILE_IDENTIFIER, ALLOCATION_EXTENT, INDIRECT_ENTRY, TERMINAL_ENTRY, FILE_ENTRY, EXTENDED_FILE_ENTRY = (
    256, 257, 258, 259, 260, 261, 266
)  # fmt: skip
