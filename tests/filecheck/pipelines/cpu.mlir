// The pipelines that the compiler runs, end to end: what is left is what IREE reads.
// RUN: %lstm-opt %s -p recurrence | %filecheck %s --check-prefix=RECURRENCE
// RUN: %lstm-opt %s -p cpu | %filecheck %s --check-prefix=CPU
// RUN: %lstm-opt %s -p cpu --print-op-generic | %filecheck %s --check-prefix=KERNEL
// RUN: %lstm-opt %s -p cpu-avx512 | %filecheck %s --check-prefix=AVX512
// RUN: %lstm-opt %s -p cpu-loop-tensor --print-op-generic | %filecheck %s --check-prefix=TARGET
// RUN: %lstm-opt %s -p cpu-loop-tensor --print-ir-after-all -o /dev/null 2>&1 | %filecheck %s --check-prefix=STAGES
// RUN: %lstm-opt %s -p cpu --print-ir-after-all -o /dev/null 2>&1 | %filecheck %s --check-prefix=KERNEL-STAGES

// A whole model: masking, both directions of an LSTM merged, dropout, a dense softmax.
builtin.module @lstm_ir {
  func.func @call(%x: tensor<?x?x3xf32>, %fh: tensor<?x4xf32>, %fc: tensor<?x4xf32>, %bh: tensor<?x4xf32>, %bc: tensor<?x4xf32>) -> (tensor<?x?x2xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) {
    %xm, %m = lstm.masking %x {mask_value = 0.0 : f64} : tensor<?x?x3xf32> -> tensor<?x?x3xf32>, tensor<?x?xi8>
    %FK = lstm.weight "bi/forward/kernel" : tensor<3x16xf32>
    %FR = lstm.weight "bi/forward/recurrent_kernel" : tensor<4x16xf32>
    %Fb = lstm.weight "bi/forward/bias" : tensor<16xf32>
    %f, %fh1, %fc1 = lstm.layer %xm : tensor<?x?x3xf32> kernel(%FK : tensor<3x16xf32>) recurrent_kernel(%FR : tensor<4x16xf32>) bias(%Fb : tensor<16xf32>) mask(%m : tensor<?x?xi8>) initial_state(%fh, %fc : tensor<?x4xf32>, tensor<?x4xf32>) {layer = "bi/forward", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<sigmoid>, return_sequences} -> tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
    %BK = lstm.weight "bi/backward/kernel" : tensor<3x16xf32>
    %BR = lstm.weight "bi/backward/recurrent_kernel" : tensor<4x16xf32>
    %b, %bh1, %bc1 = lstm.layer %xm : tensor<?x?x3xf32> kernel(%BK : tensor<3x16xf32>) recurrent_kernel(%BR : tensor<4x16xf32>) mask(%m : tensor<?x?xi8>) initial_state(%bh, %bc : tensor<?x4xf32>, tensor<?x4xf32>) {layer = "bi/backward", activation = #lstm.activation<softmax>, recurrent_activation = #lstm.activation<mish>, go_backwards, return_sequences, zero_output_for_mask} -> tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
    %r = lstm.reverse %b {axis = 1 : i64} : tensor<?x?x4xf32>
    %y = lstm.merge "concat" %f, %r : tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x8xf32>
    %d = lstm.dropout %y {rate = 0.5 : f64} : tensor<?x?x8xf32>
    %DK = lstm.weight "dense/kernel" : tensor<8x2xf32>
    %Db = lstm.weight "dense/bias" : tensor<2xf32>
    %z = lstm.dense %d : tensor<?x?x8xf32> kernel(%DK : tensor<8x2xf32>) bias(%Db : tensor<2xf32>) -> tensor<?x?x2xf32>
    %s = lstm.activate <softmax> %z : tensor<?x?x2xf32>
    func.return %s, %fh1, %fc1, %bh1, %bc1 : tensor<?x?x2xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  }

  // No C library is left to call in double precision.
  func.func @double(%x: tensor<?x4xf64>) -> tensor<?x4xf64> {
    %y = lstm.activate <mish> %x : tensor<?x4xf64>
    func.return %y : tensor<?x4xf64>
  }
}

// The gates that normalize cut come back whole, and the reversal is gone.
// RECURRENCE-LABEL: func.func @call
// RECURRENCE-NOT: lstm.layer
// RECURRENCE-NOT: lstm.gate
// RECURRENCE-NOT: lstm.pack
// RECURRENCE-NOT: lstm.reverse
// RECURRENCE: [[PF:%\S+]] = lstm.project %xm {{.*}} kernel(%FK : {{.*}}) bias(%Fb
// RECURRENCE: lstm.scan "bi/forward" input([[PF]] {{.*}} recurrent_kernels(%FR : {{.*}} mask(%m : {{.*}} output_map = affine_map<(d0, d1)[s0] -> (d1, d0)>, masked_output = "hold", form = "loop", reason = "
// RECURRENCE: [[PB:%\S+]] = lstm.project %xm {{.*}} kernel(%BK : tensor<3x16xf32>) ->
// RECURRENCE: %b, %bh1, %bc1 = lstm.scan "bi/backward" input([[PB]] {{.*}} recurrent_kernels(%BR : {{.*}} output_map = affine_map<(d0, d1)[s0] -> (d1, ((s0 + (d0 * -1)) + -1))>, masked_output = "zero", form = "loop", reason = "
// RECURRENCE: lstm.merge "concat" %f, %b

// One global a weight and one for the number of workers; a kernel for the forward direction, a loop for the backward one
// (softmax needs a whole row of units), the entry point with its name.
// CPU-COUNT-7: "util.global"() <{sym_name = "weight.
// CPU-COUNT-1: "stream.executable"()
// CPU-NOT: "stream.executable"()
// CPU: "util.global"() <{sym_name = "workers"
// CPU: func.func @call
// CPU: "flow.dispatch"
// CPU: scf.for
// CPU-NOT: scf.for
// CPU-NOT: lstm.{{[a-z]+}} %
// CPU: func.func @set_workers

// A kernel is made of vectors, and calls no function; vectors of all units stay inside it.
// KERNEL: "stream.executable"()
// KERNEL-NOT: "lstm.
// KERNEL-NOT: "math.{{exp|expm1|log|log1p|tanh|erf}}"
// KERNEL: "vector.fma"({{.*}} : (vector<8xf32>,
// KERNEL: "stream.executable.end"()
// KERNEL: sym_name = "call"
// KERNEL-NOT: "lstm.
// KERNEL-NOT: "vector.
// KERNEL: sym_name = "double"
// KERNEL-NOT: "math.{{exp|expm1|log|log1p|tanh|erf}}"
// KERNEL: "func.return"

// AVX512: "stream.executable"()
// AVX512: vector.fma {{.*}} : vector<16xf32>

// TARGET: sym_name = "lstm_ir"
// TARGET-NOT: "lstm.
// TARGET-NOT: "vector.
// TARGET: sym_name = "double"
// TARGET-NOT: "lstm.
// TARGET-NOT: "vector.
// TARGET-NOT: "math.{{exp|expm1|log|log1p|tanh|erf}}"
// TARGET: "func.return"

// STAGES: // IR after lstm-normalize
// STAGES-NEXT: builtin.module
// STAGES: // IR after lstm-fuse-gates
// STAGES: // IR after lstm-choose-form{form="loop"}
// STAGES: // IR after lstm-hoist-projection
// STAGES: // IR after lstm-check-stage{stage="recurrence"}
// STAGES-NOT: // IR after lstm-lower-scan-
// STAGES: // IR after lstm-lower-activations
// STAGES-NEXT: builtin.module
// STAGES: // IR after lstm-lower-scan-loop-tensor
// STAGES: // IR after lstm-lower-scan-unrolled-tensor
// STAGES: // IR after lstm-lower-layers
// STAGES: // IR after lstm-lower-dropout
// STAGES: // IR after lstm-expand-math
// STAGES: // IR after lstm-materialize-weights
// STAGES: // IR after lstm-check-stage{stage="target"}

// Kernels are built while activations are still there for their vectors, and with what the forms were chosen for.
// KERNEL-STAGES: // IR after lstm-choose-form{vector="avx2" workers=2}
// KERNEL-STAGES: // IR after lstm-check-stage{stage="recurrence"}
// KERNEL-STAGES: // IR after lstm-lower-scan-persistent{vector="avx2" workers=2}
// KERNEL-STAGES: // IR after lstm-lower-scan-cooperative{vector="avx2" workers=2}
// KERNEL-STAGES: // IR after lstm-lower-scan-unrolled{vector="avx2" workers=2}
// KERNEL-STAGES: // IR after lstm-lower-scan-loop{vector="avx2" workers=2}
// KERNEL-STAGES: // IR after lstm-lower-activations
// KERNEL-STAGES: // IR after lstm-materialize-weights
