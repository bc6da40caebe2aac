"""Recurrence level: the scan, with direction, layout and mask as index maps and operands, and the cell as a region."""

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    AffineMapAttr,
    StringAttr,
    TensorType,
    UnitAttr,
    VectorType,
    f32,
    i8,
)
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    ParsePropInAttrDict,
    base,
    irdl_op_definition,
    lazy_traits_def,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.traits import HasParent, IsTerminator, Pure, SingleBlockImplicitTerminator
from xdsl.utils.exceptions import VerifyException

from lstm_ir.dialect.index_maps import describe
from lstm_ir.dialect.shapes import accumulator_type, check_element, check_shape, element_type, shape_of

FORMS = ("persistent", "cooperative", "unrolled", "loop")
"""The ways a scan's time loop can run, by the names that users see."""

KERNEL_FORMS = ("persistent", "cooperative")
"""The forms whose kernel holds the time loop; the others run a step at a time."""

MASKED_OUTPUTS = ("hold", "zero")
"""What a masked step outputs: the previous output, or zeros."""


@irdl_op_definition
class YieldOp(IRDLOperation):
    """End a cell: the new states, h first, as gate vectors [U]."""

    name = "lstm.yield"

    states = var_operand_def()

    traits = lazy_traits_def(lambda: (Pure(), IsTerminator(), HasParent(ScanOp)))
    assembly_format = "$states attr-dict `:` type($states)"

    def __init__(self, *states: SSAValue | Operation) -> None:
        super().__init__(operands=[states])


@irdl_op_definition
class ScanOp(IRDLOperation):
    """A recurrence over time.

    Visited step k = 0 .. T-1 of a batch row computes

        z = p[k] + h R        (p[k] = x[k] K + b while the scan still has kernels)
        h', ... = cell(z split into G gates, h, ...)

    Operands: input x [B, T, I] with kernels, or the projection p [B, T, G U] without; recurrent_kernels: G of [U, U],
    or one packed [U, G U]; kernels and biases likewise; mask i8 [B, T]; init: the states before the first step, h
    first, [B, U].
    The index maps say where step k lies: ``input_map``, ``mask_map``, and ``output_map``, which is absent when only the
    last output is kept. Where a mask is 0 the states stay, and the output is the previous one (zeros before the first
    valid step) or zeros, by ``masked_output``. ``zero_map`` is a quirk of Keras: the output is first the previous one,
    and then zeros where the mask at ``zero_map`` is 0, which are other steps if the two maps differ. The cell is a
    region on gate vectors of one row, ``vector<U x f32>``: arguments are the G gates and the states; it yields the new
    states.

    With input_dropout [G, B, I] and recurrent_dropout [G, B, U], gate g sees x and h multiplied by masks of its own.

    Results: output [B, U], or [B, T, U] by ``output_map``; the states after the last visited step.
    ``form`` and ``reason`` are set by lstm-choose-form; ``large_batch_form`` where the batch, open until run time,
    decides between two; ``step_kernel`` where a form that runs a step at a time has a kernel for it. Kernels project
    the input themselves. ``weights`` is bf16 where the kernels of an f32 scan hold its kernels and recurrent kernels in
    that type, and widen them as they read them.
    """

    name = "lstm.scan"

    input = operand_def(base(TensorType))
    kernels = var_operand_def(base(TensorType))
    recurrent_kernels = var_operand_def(base(TensorType))
    biases = var_operand_def(base(TensorType))
    input_dropout = opt_operand_def(base(TensorType))
    recurrent_dropout = opt_operand_def(base(TensorType))
    mask = opt_operand_def(base(TensorType))
    init = var_operand_def(base(TensorType))

    layer = prop_def(StringAttr)
    input_map = prop_def(AffineMapAttr)
    mask_map = opt_prop_def(AffineMapAttr)
    zero_map = opt_prop_def(AffineMapAttr)
    output_map = opt_prop_def(AffineMapAttr)
    masked_output = prop_def(StringAttr)
    unroll = opt_prop_def(UnitAttr)
    form = opt_prop_def(StringAttr)
    large_batch_form = opt_prop_def(StringAttr)
    step_kernel = opt_prop_def(UnitAttr)
    reason = opt_prop_def(StringAttr)
    weights = opt_prop_def(StringAttr)

    output = result_def(base(TensorType))
    states = var_result_def(base(TensorType))

    cell = region_def("single_block")

    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())
    traits = traits_def(Pure(), SingleBlockImplicitTerminator(YieldOp))
    assembly_format = (
        "$layer `input` `(` $input `:` type($input) `)` "
        "(`kernels` `(` $kernels^ `:` type($kernels) `)`)? "
        "`recurrent_kernels` `(` $recurrent_kernels `:` type($recurrent_kernels) `)` "
        "(`biases` `(` $biases^ `:` type($biases) `)`)? "
        "(`input_dropout` `(` $input_dropout^ `:` type($input_dropout) `)`)? "
        "(`recurrent_dropout` `(` $recurrent_dropout^ `:` type($recurrent_dropout) `)`)? "
        "(`mask` `(` $mask^ `:` type($mask) `)`)? "
        "`init` `(` $init `:` type($init) `)` attr-dict `->` type($output) `,` type($states) `cell` $cell"
    )

    def __init__(
        self,
        layer: str,
        input: SSAValue,
        kernels: Sequence[SSAValue],
        recurrent_kernels: Sequence[SSAValue],
        biases: Sequence[SSAValue],
        mask: SSAValue | None,
        init: Sequence[SSAValue],
        cell: Region,
        *,
        input_map: AffineMapAttr,
        output_map: AffineMapAttr | None,
        mask_map: AffineMapAttr | None,
        masked_output: str,
        zero_map: AffineMapAttr | None = None,
        output_type: Attribute,
        unroll: bool = False,
        input_dropout: SSAValue | None = None,
        recurrent_dropout: SSAValue | None = None,
    ) -> None:
        super().__init__(
            operands=[input, kernels, recurrent_kernels, biases, input_dropout, recurrent_dropout, mask, init],
            properties={
                "layer": StringAttr(layer),
                "input_map": input_map,
                "mask_map": mask_map,
                "zero_map": zero_map,
                "output_map": output_map,
                "masked_output": StringAttr(masked_output),
                "unroll": UnitAttr() if unroll else None,
            },
            result_types=[output_type, [value.type for value in init]],
            regions=[cell],
        )

    def rebuilt(
        self,
        cell: Region,
        *,
        input: SSAValue,
        kernels: Sequence[SSAValue],
        recurrent_kernels: Sequence[SSAValue],
        biases: Sequence[SSAValue],
        input_dropout: SSAValue | None,
    ) -> "ScanOp":
        """Return this scan over other weights or another input, with the cell that was moved out of it."""
        new = ScanOp(
            self.layer.data,
            input,
            kernels,
            recurrent_kernels,
            biases,
            self.mask,
            self.init,
            cell,
            input_map=self.input_map,
            output_map=self.output_map,
            mask_map=self.mask_map,
            masked_output=self.masked_output.data,
            zero_map=self.zero_map,
            output_type=self.output.type,
            unroll=self.unroll is not None,
            input_dropout=input_dropout,
            recurrent_dropout=self.recurrent_dropout,
        )
        new.location = self.location
        new.form, new.large_batch_form, new.reason = self.form, self.large_batch_form, self.reason
        new.step_kernel, new.weights = self.step_kernel, self.weights
        return new

    @property
    def units(self) -> int:
        """U, the width of a gate."""
        return shape_of(self.init[0].type)[-1]

    @property
    def gates(self) -> int:
        """G, the number of gates."""
        return len(self.cell.block.args) - len(self.init)

    @property
    def companions(self) -> int:
        """How many scans read the same input, this one included: the directions of a layer, which run at once."""
        return sum(isinstance(use.operation, ScanOp) for use in self.input.uses)

    @property
    def storage_type(self) -> Attribute:
        """The element type of the states and the output."""
        return element_type(self.init[0].type)

    @property
    def is_hoisted(self) -> bool:
        """Whether the input is already the projection of every step."""
        return not self.kernels

    @property
    def runs_kernel(self) -> bool:
        """Whether a kernel of ours runs the steps, by the form that was chosen; else code that IREE generates."""
        return self.step_kernel is not None or (self.form is not None and self.form.data in KERNEL_FORMS)

    @property
    def is_fused(self) -> bool:
        """Whether all gates share one packed matrix."""
        return len(self.recurrent_kernels) == 1 and len(self.kernels) <= 1

    def verify_(self) -> None:
        """Check operands, maps and cell against the description of the class."""
        who = f"lstm.scan {self.layer.data!r}"
        if not self.init:
            raise VerifyException(f"{who}: expected at least one state")
        batch, units = check_shape(who, "state h", self.init[0].type, (None, None))
        if self.gates < 1:
            raise VerifyException(f"{who}: the cell takes no gates")
        for value in self.init:
            check_shape(who, "state", value.type, (batch, units))
        self._verify_weights(who, units)
        self._verify_maps(who, batch, units)
        self._verify_cell(who, units)

    def _verify_weights(self, who: str, units: int) -> None:
        features = shape_of(self.input.type)[-1]
        gates = self.gates
        if self.is_hoisted:
            check_shape(who, "projected input", self.input.type, (None, None, gates * units))
            if self.biases:
                raise VerifyException(f"{who}: biases belong to the projection once it is hoisted")
        groups = (("kernel", self.kernels, features), ("recurrent_kernel", self.recurrent_kernels, units))
        for what, values, rows in groups:
            if what == "kernel" and self.is_hoisted:
                continue
            if len(values) not in (1, gates):
                raise VerifyException(f"{who}: expected 1 packed {what} or {gates}, got {len(values)}")
            for value in values:
                check_shape(who, what, value.type, (rows, gates * units // len(values)))
        if self.input_dropout is not None:
            check_shape(who, "input_dropout", self.input_dropout.type, (gates, None, features))
            if self.is_hoisted:
                raise VerifyException(f"{who}: input_dropout belongs to the projection once it is hoisted")
        if self.recurrent_dropout is not None:
            check_shape(who, "recurrent_dropout", self.recurrent_dropout.type, (gates, None, units))
        if self.biases and len(self.biases) != len(self.kernels):
            raise VerifyException(f"{who}: {len(self.biases)} biases for {len(self.kernels)} kernels")
        for value in self.biases:
            check_shape(who, "bias", value.type, (gates * units // len(self.biases),))

    def _verify_maps(self, who: str, batch: int, units: int) -> None:
        for what in ("input_map", "mask_map", "zero_map", "output_map"):
            attr = getattr(self, what)
            if attr is not None and describe(attr) is None:
                raise VerifyException(f"{who}: {what} {attr} is not (step, batch)[T] to a layout and direction")
        if (self.mask is None) != (self.mask_map is None):
            raise VerifyException(f"{who}: mask and mask_map come together")
        if self.masked_output.data not in MASKED_OUTPUTS:
            raise VerifyException(f"{who}: masked_output {self.masked_output.data!r} is not hold or zero")
        if self.zero_map is not None and (self.masked_output.data != "zero" or self.mask is None):
            raise VerifyException(f"{who}: zero_map needs a mask and masked_output zero")
        if self.form is not None and self.form.data not in FORMS:
            raise VerifyException(f"{who}: form {self.form.data!r} is not one of {', '.join(FORMS)}")
        if self.large_batch_form is not None:
            both = (None if self.form is None else self.form.data, self.large_batch_form.data)
            if both != ("cooperative", "persistent"):
                raise VerifyException(f"{who}: only a cooperative scan has a large_batch_form, persistent; got {both}")
        if self.step_kernel is not None and (self.form is None or self.form.data in KERNEL_FORMS):
            raise VerifyException(f"{who}: step_kernel belongs to the forms that run a step at a time")
        if self.weights is not None:
            if self.weights.data != "bf16" or self.storage_type != f32:
                raise VerifyException(f"{who}: weights {self.weights.data!r} of {self.storage_type} is not bf16 of f32")
            if not self.runs_kernel:
                raise VerifyException(f"{who}: only kernels read weights of another type")
        time = self._verify_sequence(who, "input", self.input.type, self.input_map, None, batch, (None,))
        if self.mask is not None and self.mask_map is not None:
            self._verify_sequence(who, "mask", self.mask.type, self.mask_map, time, batch, ())
            check_element(who, "mask", self.mask.type, i8)
        if self.output_map is None:
            check_shape(who, "output", self.output.type, (batch, units))
        else:
            self._verify_sequence(who, "output", self.output.type, self.output_map, time, batch, (units,))
        check_element(who, "output", self.output.type, self.storage_type)
        for value, before in zip(self.states, self.init, strict=True):
            if value.type != before.type:
                raise VerifyException(
                    f"{who}: a state is {value.type} after the last step, {before.type} before the first"
                )

    def _verify_sequence(
        self,
        who: str,
        what: str,
        type_: Attribute,
        map_: AffineMapAttr,
        time: int | None,
        batch: int,
        trailing: tuple[int | None, ...],
    ) -> int:
        """Check a tensor that has steps, where its map says that they lie; returns its number of steps."""
        layout = describe(map_)
        assert layout is not None
        leading = (time, batch) if layout[0] else (batch, time)
        shape = check_shape(who, what, type_, (*leading, *trailing))
        return shape[0] if layout[0] else shape[1]

    def _verify_cell(self, who: str, units: int) -> None:
        vector = VectorType(accumulator_type(self.storage_type), [units])
        block: Block = self.cell.block
        terminator = block.last_op
        if not isinstance(terminator, YieldOp):
            raise VerifyException(f"{who}: the cell must end in lstm.yield")
        if len(terminator.states) != len(self.init):
            raise VerifyException(f"{who}: the cell yields {len(terminator.states)} states, expected {len(self.init)}")
        for value in (*block.args, *terminator.states):
            if value.type != vector:
                raise VerifyException(f"{who}: a gate or state of the cell is {value.type}, expected {vector}")
