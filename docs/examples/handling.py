"""Tell the kinds of failures apart: python handling.py install.wim FOLDER"""

import errno
import logging
import sys

from osdimage.imaging import (
    CorruptWim,
    ImageNotFound,
    ImageSelector,
    InvalidRequest,
    OsdImageError,
    StorageError,
    TargetRefused,
    WimFile,
    apply_image,
)

log = logging.getLogger("deployer")


def apply(wim_path: str, folder: str) -> str:
    """Apply the edition that is wanted, and return a word for what became of it."""
    try:
        with WimFile.open(wim_path) as wim:
            apply_image(wim.select(ImageSelector(edition="Professional")), folder)
    except ImageNotFound as error:
        log.error("%s; there are: %s", error, ", ".join(error.candidates))
        return "no such image"
    except CorruptWim:
        # A subclass of InvalidInput: fetch the file again.
        log.exception("%s", wim_path)
        return "fetch it again"
    except (InvalidRequest, TargetRefused) as error:
        # Both promise that nothing was written.
        log.error("%s", error.said)
        if error.remedy is not None:
            log.error("what would help: %s", error.remedy)
        return "nothing was written"
    except FileNotFoundError as error:
        log.error("%s is not there", error.filename)
        return "not there"
    except StorageError as error:
        log.error("%s", error)
        return "full" if error.errno == errno.ENOSPC else "disk error"
    except OsdImageError as error:
        # All others.  Notes say how far the work came.
        log.error("%s", " -- ".join((str(error), *getattr(error, "__notes__", ()))))
        return "failed"
    return "done"


if __name__ == "__main__":
    # Without a handler of the program's own, nothing of the library is printed.
    logging.basicConfig(level=logging.INFO)
    print(apply(*sys.argv[1:3]))
