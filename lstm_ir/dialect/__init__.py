"""The ``lstm`` dialect, and the few ops of IREE's dialects that our target level uses."""

from xdsl.ir import Dialect

from lstm_ir.dialect.activation import ActivationAttr
from lstm_ir.dialect.cell_ops import CellProductOp
from lstm_ir.dialect.dispatch_ops import Stream
from lstm_ir.dialect.dropout_ops import DropOp, DropoutMaskOp
from lstm_ir.dialect.hal_ops import Hal
from lstm_ir.dialect.iree_ops import Flow, Util
from lstm_ir.dialect.layer_ops import ActivateOp, DenseOp, DropoutOp, MaskingOp, MergeOp, ReverseOp, WeightOp
from lstm_ir.dialect.lstm_layer_op import LayerOp
from lstm_ir.dialect.panels_op import PanelsOp
from lstm_ir.dialect.recurrence_ops import GateOp, PackOp, ProjectOp
from lstm_ir.dialect.scan_op import ScanOp, YieldOp

__all__ = ["Flow", "Hal", "Lstm", "Stream", "Util"]

Lstm = Dialect(
    "lstm",
    [
        ActivateOp,
        CellProductOp,
        DenseOp,
        DropOp,
        DropoutMaskOp,
        DropoutOp,
        GateOp,
        LayerOp,
        MaskingOp,
        MergeOp,
        PackOp,
        PanelsOp,
        ProjectOp,
        ReverseOp,
        ScanOp,
        WeightOp,
        YieldOp,
    ],
    [ActivationAttr],
)
"""The dialect: layer level (layer_ops.py, lstm_layer_op.py, dropout_ops.py), recurrence level (recurrence_ops.py,
scan_op.py, cell_ops.py), activations (activation.py)."""
