"""Form ``unrolled``: chains of dispatches, one a step, in one command buffer each."""

from xdsl.ir import SSAValue

from lstm_ir.passes.kernels.step_kernel import StepKernel

CHAIN_STEPS = 32
"""Steps of a command buffer in a loop. With more, the host's part of a step is hardly smaller; each is 370 bytes."""


class UnrolledKernel(StepKernel):
    """The step kernel's dispatches one after the other: IREE records a chain in one command buffer.

    The chains of a long sequence are one chain, in a loop on the host, and what is left over.
    """

    def steps(self, current: list[SSAValue]) -> list[SSAValue]:
        """Build the chains; see ``StepKernel.steps``."""
        assert isinstance(self.time, int)
        first = 1
        if self.time >= 2 * CHAIN_STEPS:
            first += self.time - self.time % CHAIN_STEPS
            current = self.repeat(first, CHAIN_STEPS, current)
        return self.chain(self.host, first, self.time + 1 - first, current)
