"""What the host's side does with a device, each check on its own: passes, or raises. Works with any module."""

from collections.abc import Callable
from typing import Any

import numpy as np

import lstm_ir
from lstm_ir.runtime import DeviceArray, Module, load
from lstm_ir.runtime.device_array import allocate, element_type, upload


def on_device(module: Module, x: np.ndarray[Any, Any]) -> DeviceArray:
    """Return an input that lies on a module's device, of the type that it takes."""
    spec = module.inputs[0]
    if spec.dtype == "bfloat16":
        import ml_dtypes

        x = x.astype(ml_dtypes.bfloat16)
    else:
        x = x.astype(spec.dtype)
    return DeviceArray(module.device, upload(module.device, x, element_type(spec.dtype)), x.dtype)


def states_are_updated_in_place(data: bytes, device: str, x: np.ndarray[Any, Any]) -> None:
    """A sequence in two calls is the sequence in one."""
    module = load(data, device=device)
    whole = module(x)
    state = module.make_state(x.shape[1])
    parts = [module(part, state=state) for part in np.split(x, [len(x) // 2])]
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-5, atol=1e-6)


def calls_do_not_change_their_inputs(data: bytes, device: str, x: np.ndarray[Any, Any]) -> None:
    """The same result call after call, from an input on the device."""
    module = load(data, device=device)
    given = on_device(module, x)
    first = module(given)
    np.testing.assert_array_equal(module(given), first)
    np.testing.assert_array_equal(given.numpy(), x)


def calls_that_nobody_waits_for(data: bytes, device: str, x: np.ndarray[Any, Any]) -> None:
    """Several at once, whose results are those of plain calls."""
    module = load(data, device=device)
    pending = [module.call_async(x) for _ in range(8)]
    for future in pending:
        np.testing.assert_array_equal(future.result(timeout=60), module(x))


def torch_reads_results_by_dlpack(data: bytes, device: str, x: np.ndarray[Any, Any]) -> None:
    """Without a copy, where the driver can."""
    import torch

    module = load(data, device=device)
    y = module(x, device_outputs=True)
    if device.startswith("vulkan"):
        return  # IREE has no way out for its memory, which the tests know
    np.testing.assert_array_equal(torch.from_dlpack(y).cpu().numpy(), y.numpy())


def tensors_of_torch_are_inputs(data: bytes, device: str, x: np.ndarray[Any, Any]) -> None:
    """Where they are."""
    import torch

    module = load(data, device=device)
    tensor = torch.from_numpy(x)
    if device.startswith("cuda"):
        tensor = tensor.cuda()
        torch.cuda.synchronize()
    np.testing.assert_array_equal(module(tensor), module(x))


def what_is_not_there_is_named(data: bytes, device: str, x: np.ndarray[Any, Any]) -> None:
    """A device's number, and memory."""
    driver = device.partition(":")[0]
    for wrong in (f"{driver}:99", "nothing"):
        try:
            load(data, device=wrong)
        except lstm_ir.TargetError:
            continue
        raise AssertionError(f"device {wrong} was opened")
    module = load(data, device=device)
    said = ""
    try:
        allocate(module.device, (1 << 40,), np.dtype("float32"), element_type("float32"))
    except lstm_ir.LstmIrError as error:
        said = str(error)
    assert "gave no memory" in said, said or "memory of terabytes was given"
    module(x)


def a_hundred_loads_and_calls(data: bytes, device: str, x: np.ndarray[Any, Any]) -> None:
    """One module after the other on one device."""
    for _ in range(100):
        module = load(data, device=device)
        module(x)
        module(x, state=module.make_state(x.shape[1]))


CHECKS: dict[str, Callable[[bytes, str, np.ndarray[Any, Any]], None]] = {
    check.__name__.replace("_", " "): check
    for check in (
        states_are_updated_in_place,
        calls_do_not_change_their_inputs,
        calls_that_nobody_waits_for,
        torch_reads_results_by_dlpack,
        tensors_of_torch_are_inputs,
        what_is_not_there_is_named,
        a_hundred_loads_and_calls,
    )
}
