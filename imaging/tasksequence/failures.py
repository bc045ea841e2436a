"""The codes of failures: every error of osdimage that ends an action becomes an :class:`ActionFailed`."""

from __future__ import annotations

import errno
import inspect
from collections.abc import Callable, Iterable
from functools import wraps

from osdimage.imaging.errors import (
    ActionFailed,
    DoesNotFit,
    ImageNotFound,
    InvalidInput,
    InvalidRequest,
    OsdImageError,
    ReadOnlyVariable,
    StorageError,
    TargetRefused,
    TooSmall,
)
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine, NotThere
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.inputs import variable_table
from osdimage.imaging.tasksequence.result import Action, ActionResult, Events, Forecast, ForecastAction, VariableInfo

_BY_NUMBER = {
    errno.ENOSPC: HResult.DISK_FULL,
    errno.EACCES: HResult.E_ACCESSDENIED,
    errno.EPERM: HResult.E_ACCESSDENIED,
    errno.ENOENT: HResult.FILE_NOT_FOUND,
}
# The first that fits: a class comes before those that it belongs to.
_BY_CLASS: tuple[tuple[type[OsdImageError], HResult], ...] = (
    (DoesNotFit, HResult.E_UNEXPECTED),
    (TooSmall, HResult.DISK_FULL),
    (ReadOnlyVariable, HResult.E_ACCESSDENIED),
    (InvalidRequest, HResult.E_INVALIDARG),
    (InvalidInput, HResult.INVALID_DATA),
)


def code_of(error: OsdImageError) -> int:
    """Return the HRESULT of an error."""
    if isinstance(error, ActionFailed):
        return error.code
    if isinstance(error, StorageError):
        return _BY_NUMBER.get(error.errno or 0, HResult.E_FAIL)
    return next((code for kind, code in _BY_CLASS if isinstance(error, kind)), HResult.E_FAIL)


def sentence(error: OsdImageError) -> str:
    """Return what an error says, with the images that may have been meant."""
    candidates = error.candidates if isinstance(error, ImageNotFound) else ()
    return f"{error.said} {'; '.join(candidates)}" if candidates else error.said


def action(variables: Iterable[VariableInfo]) -> Callable[[Action], Action]:
    """Make a function an action: its errors get their codes, and no message of it shows a secret.

    ``variables`` are those that it reads and sets; their table becomes a part of its documentation.
    """

    def made(body: Action) -> Action:
        @wraps(body)
        def run(env: Environment, machine: Machine, events: Events) -> ActionResult:
            try:
                return body(env, machine, events)
            except OsdImageError as error:
                failed = ActionFailed(code_of(error), env.mask(sentence(error)))
                for note in getattr(error, "__notes__", ()):
                    failed.add_note(env.mask(note))
                # The chain would show the message that has just been masked.
                raise failed from (error if failed.args == error.args else None)

        run.__doc__ = f"{inspect.cleandoc(body.__doc__ or '')}\n\nVariables:\n\n{variable_table(variables)}\n"
        return run

    return made


def forecast(body: ForecastAction) -> ForecastAction:
    """Make a function a forecast: what is wrong with a request is a problem that it tells, not an error."""

    @wraps(body)
    def look(env: Environment, machine: Machine) -> Forecast:
        try:
            return body(env, machine)
        except NotThere as error:
            return Forecast(does="fails", hangs=env.mask(error.said))
        except (InvalidRequest, InvalidInput, TargetRefused, ActionFailed) as error:
            return Forecast(does="fails", problems=(env.mask(sentence(error)),))

    return look
