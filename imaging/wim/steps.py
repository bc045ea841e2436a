"""libwim's progress messages as events of osdimage."""

from __future__ import annotations

from osdimage.imaging.progress import Meter, Phase
from osdimage.imaging.units import MIB, format_size
from osdimage.native.callbacks import Copied, Listener, Message, Report, Stage

_PHASES = {
    Stage.SCAN: Phase.SCAN,
    Stage.WRITE_DATA: Phase.WRITE_DATA,
    Stage.WRITE_METADATA: Phase.WRITE_METADATA,
    Stage.CALCULATE_INTEGRITY: Phase.CALCULATE_INTEGRITY,
    Stage.CHECK_INTEGRITY: Phase.CHECK_INTEGRITY,
    Stage.CREATE_FILES: Phase.CREATE_FILES,
    Stage.EXTRACT_DATA: Phase.EXTRACT_DATA,
    Stage.SET_METADATA: Phase.SET_METADATA,
    Stage.VERIFY_DATA: Phase.VERIFY_DATA,
}
WORTH_TELLING = 64 * MIB
"""So much of a WIM is copied for libwim before it is told in words: it takes a second or two, and room."""
_IN_FILES = {Stage.CREATE_FILES, Stage.SET_METADATA, Stage.WRITE_METADATA}


def listener(meter: Meter) -> Listener:
    """Return a listener for libwim that moves a meter on."""

    def listen(message: Message) -> None:
        if isinstance(message, Report):
            unit = "files" if message.stage in _IN_FILES else "bytes"
            meter.step(_PHASES[message.stage], message.done, message.total, unit=unit)
        elif isinstance(message, Copied):
            if message.done == 0 and message.total >= WORTH_TELLING:
                meter.warn(copying(message))
            meter.step(Phase.READ, message.done, message.total)

    return listen


def copying(message: Copied) -> str:
    """Say that something of a WIM is copied first, and how much."""
    return (
        f"{message.name}: {format_size(message.total)} of it are copied to {message.folder} for a while, where libwim "
        "reads them"
    )
