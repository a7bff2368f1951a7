"""Windows of a filter over rows and columns: where they lie, what is gathered, what is padding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mynah.errors import ModelError
from mynah.models.program import View

if TYPE_CHECKING:
    from mynah.models.context import Context
    from mynah.models.tflite import Operator

_SAME = 0
_MAX_STEP = 1 << 10


@dataclass(frozen=True, slots=True)
class Axis:
    """Windows along one axis: ``n_taps`` values, ``dilation`` apart, every ``stride`` values."""

    size: int
    n_taps: int
    stride: int
    dilation: int
    before: int
    count: int

    @property
    def padded(self) -> bool:
        """Whether any window reaches outside."""
        reach = (self.count - 1) * self.stride + (self.n_taps - 1) * self.dilation
        return self.before > 0 or reach - self.before >= self.size

    def start(self, number: int) -> int:
        """Where a window starts; negative in the padding."""
        return number * self.stride - self.before

    def inside(self, tap: int) -> tuple[int, int]:
        """The windows (first, one after the last) whose tap is not in the padding."""
        at = tap * self.dilation - self.before
        first = max(0, -(at // self.stride))
        stop = max(first, min(self.count, (self.size - 1 - at) // self.stride + 1))
        return first, stop


def axis(operator: Operator, size: int, n_taps: int, steps: tuple[int, int], padding: int) -> Axis:
    """The windows along an axis, as ``ComputePaddingHeightWidth`` places them.

    ``steps`` are stride and dilation.

    Raises:
        ModelError: none fits.
    """
    stride, dilation = steps
    if not 1 <= stride <= _MAX_STEP or not 1 <= dilation <= _MAX_STEP or n_taps < 1:
        raise ModelError(f"{operator.name} with stride {stride} is not supported")
    reach = (n_taps - 1) * dilation + 1
    if padding == _SAME:
        count = -(-size // stride)
        before = max(0, (count - 1) * stride + reach - size) // 2
    else:
        count, before = (size - reach) // stride + 1, 0
    if count < 1:
        raise ModelError(f"{operator.name} reaches outside its input")
    return Axis(size, n_taps, stride, dilation, before, count)


def image(operator: Operator, view: View) -> View:
    """A view that has to be ``[1, rows, columns, channels]``.

    Raises:
        ModelError: it is not.
    """
    if len(view.shape) != 4 or view.shape[0] != 1:
        raise ModelError(
            f"{operator.name} over shape {list(view.shape)} is not supported; "
            "Mynah runs [1, rows, columns, channels]"
        )
    return view


def patches(
    context: Context, source: View, axes: tuple[Axis, Axis], zero: int, repeat: int = 1
) -> View:
    """Every window, gathered: ``[rows, columns, taps down, taps across, channels * repeat]``.

    What lies in the padding is ``zero`` from the start and never written.
    """
    rows, columns = axes
    channels = source.shape[3]
    shape = (rows.count, columns.count, rows.n_taps, columns.n_taps, channels, repeat)
    target = context.program.add_tensor(shape, fill=zero)
    for down in range(rows.n_taps):
        for across in range(columns.n_taps):
            ends = rows.inside(down), columns.inside(across)
            if ends[0][0] == ends[0][1] or ends[1][0] == ends[1][1]:
                continue
            part, place = source.take(0, 0), target.take(3, across).take(2, down)
            for number, (windows, tap) in enumerate(((rows, down), (columns, across))):
                first, stop = ends[number]
                start = windows.start(first) + tap * windows.dilation
                last = windows.start(stop - 1) + tap * windows.dilation
                part = part.cut(number, start, last + 1, windows.stride)
                place = place.cut(number, first, stop)
            for copy in range(repeat):
                context.copy(part, place.take(3, copy))
    return View.of(target.block, (*shape[:4], channels * repeat))
