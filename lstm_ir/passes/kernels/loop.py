"""Form ``loop``: the host runs a dispatch a step."""

from xdsl.ir import SSAValue

from lstm_ir.passes.kernels.step_kernel import StepKernel


class LoopKernel(StepKernel):
    """A loop on the host around the step kernel: the least code, for any number of steps."""

    def steps(self, current: list[SSAValue]) -> list[SSAValue]:
        """Build the loop; see ``StepKernel.steps``."""
        return self.repeat(self.sizes.plus(self.time, 1), 1, current)
