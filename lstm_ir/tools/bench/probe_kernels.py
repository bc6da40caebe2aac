"""Two dispatches, written by hand, that find a machine's limits: fused multiply-adds in registers, and reads.

Each is one IREE module with an entry ``call(data, workers, size, rounds)``. Its workers share nothing, so that what
they reach together is what the cores reach together.
"""

FMA_FLOP = 2
"""Operations of one fused multiply-add."""
READ_VECTORS = 8
"""Vectors that the read kernel takes at a time, each into a sum of its own."""


def fma_module(lanes: int, chains: int) -> bytes:
    """Return MLIR of a kernel in which each worker advances independent chains of vector multiply-adds.

    The chains stay in registers: with more of them than the latency of a multiply-add times those started in a cycle,
    only the arithmetic units limit them. ``size`` is ignored; each worker does ``rounds`` times ``chains`` of them.

    Args:
        lanes: float32 numbers in a vector.
        chains: Vectors that are advanced; two registers more are used.
    """
    vector = f"vector<{lanes}xf32>"
    types = ", ".join([vector] * chains)
    starts = ", ".join(f"%a{k} = %start" for k in range(chains))
    steps = "\n".join(f"          %n{k} = math.fma %a{k}, %factor, %start : {vector}" for k in range(chains))
    results = ", ".join(f"%n{k}" for k in range(chains))
    body = f"""
        %factor = vector.load %data[%c0] : memref<?xf32>, {vector}
        %start = vector.load %data[%lanes] : memref<?xf32>, {vector}
        %sums:{chains} = scf.for %r = %c0 to %rounds step %c1 iter_args({starts}) -> ({types}) {{
{steps}
          scf.yield {results} : {types}
        }}"""
    return _module(lanes, chains, body)


def read_module(lanes: int) -> bytes:
    """Return MLIR of a kernel in which each worker sums its own ``size`` numbers ``rounds`` times.

    ``size`` is a multiple of ``READ_VECTORS * lanes``; ``data`` holds workers times size numbers.
    """
    vector = f"vector<{lanes}xf32>"
    count = READ_VECTORS
    types = ", ".join([vector] * count)
    starts = ", ".join(f"%a{k} = %zero" for k in range(count))
    again = ", ".join(f"%b{k} = %a{k}" for k in range(count))
    lines = []
    for k in range(count):
        lines += [
            f"            %o{k} = arith.constant {k * lanes} : index",
            f"            %i{k} = arith.addi %i, %o{k} : index",
            f"            %v{k} = vector.load %data[%i{k}] : memref<?xf32>, {vector}",
            f"            %n{k} = arith.addf %b{k}, %v{k} : {vector}",
        ]
    results = ", ".join(f"%n{k}" for k in range(count))
    reads = ", ".join(f"%reads#{k}" for k in range(count))
    body = f"""
        %zero = arith.constant dense<0.0> : {vector}
        %stride = arith.constant {count * lanes} : index
        %first = arith.muli %worker, %size : index
        %last = arith.addi %first, %size : index
        %sums:{count} = scf.for %r = %c0 to %rounds step %c1 iter_args({starts}) -> ({types}) {{
          %reads:{count} = scf.for %i = %first to %last step %stride iter_args({again}) -> ({types}) {{
{chr(10).join(lines)}
            scf.yield {results} : {types}
          }}
          scf.yield {reads} : {types}
        }}"""
    return _module(lanes, count, body)


def _module(lanes: int, sums: int, body: str) -> bytes:
    """Wrap a body that leaves vectors in ``%sums`` into a module; their total is stored, so that none is dropped."""
    vector = f"vector<{lanes}xf32>"
    totals = [f"        %t0 = arith.addf %sums#0, %sums#0 : {vector}"]
    totals += [f"        %t{k} = arith.addf %t{k - 1}, %sums#{k} : {vector}" for k in range(1, sums)]
    return (
        f"""
module @probe {{
  stream.executable private @exe {{
    stream.executable.export public @kernel workgroups(%workers: index) -> (index, index, index) {{
      %c1 = arith.constant 1 : index
      stream.return %workers, %c1, %c1 : index, index, index
    }}
    builtin.module {{
      func.func @kernel(%in: !stream.binding, %out: !stream.binding,
                        %length: index, %workers: index, %size: index, %rounds: index) {{
        %c0 = arith.constant 0 : index
        %c1 = arith.constant 1 : index
        %lanes = arith.constant {lanes} : index
        %worker = stream.dispatch.workgroup.id[0] : index
        %data = stream.binding.subspan %in[%c0] : !stream.binding -> memref<?xf32>{{%length}}
        %totals = stream.binding.subspan %out[%c0] : !stream.binding -> memref<?x{lanes}xf32>{{%workers}}
{body}
{chr(10).join(totals)}
        vector.store %t{sums - 1}, %totals[%worker, %c0] : memref<?x{lanes}xf32>, {vector}
        return
      }}
    }}
  }}
  func.func @call(%data: tensor<?xf32>, %workers64: i64, %size64: i64, %rounds64: i64) -> tensor<?x{lanes}xf32> {{
    %c0 = arith.constant 0 : index
    %length = tensor.dim %data, %c0 : tensor<?xf32>
    %workers = arith.index_cast %workers64 : i64 to index
    %size = arith.index_cast %size64 : i64 to index
    %rounds = arith.index_cast %rounds64 : i64 to index
    %totals = flow.dispatch @exe::@kernel[%workers](%data, %length, %workers, %size, %rounds)
      : (tensor<?xf32>{{%length}}, index, index, index, index) -> tensor<?x{lanes}xf32>{{%workers}}
    return %totals : tensor<?x{lanes}xf32>
  }}
}}
""".encode()
        + b"\0"
    )
