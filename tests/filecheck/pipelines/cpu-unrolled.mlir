// The unrolled pipeline, without a kernel as in double precision: no loop is left; and a dynamic number of steps is refused before anything is lowered.
// RUN: %lstm-opt %s -p cpu-unrolled --split-input-file --verify-diagnostics | %filecheck %s
// RUN: %lstm-opt %s -p cpu --split-input-file | %filecheck %s --check-prefix=AUTO

// CHECK-LABEL: func.func @call
// CHECK-NOT: lstm.{{[a-z]+}} %
// CHECK-NOT: scf.for
// CHECK: util.optimization_barrier
// CHECK-NOT: util.optimization_barrier
// CHECK: func.return

// Where there is no kernel, as for softmax, the cost model takes the unrolled form by itself for a short
// sequence.
// AUTO-LABEL: func.func @call
// AUTO-NOT: scf.for
// AUTO: func.return
func.func @call(%x: tensor<?x4x3xf64>, %h: tensor<?x4xf64>, %c: tensor<?x4xf64>) -> (tensor<?x4xf64>, tensor<?x4xf64>, tensor<?x4xf64>) {
  %K = lstm.weight "lstm/kernel" : tensor<3x16xf64>
  %R = lstm.weight "lstm/recurrent_kernel" : tensor<4x16xf64>
  %y, %h1, %c1 = lstm.layer %x : tensor<?x4x3xf64> kernel(%K : tensor<3x16xf64>) recurrent_kernel(%R : tensor<4x16xf64>) initial_state(%h, %c : tensor<?x4xf64>, tensor<?x4xf64>) {layer = "lstm", activation = #lstm.activation<softmax>, recurrent_activation = #lstm.activation<hard_sigmoid>} -> tensor<?x4xf64>, tensor<?x4xf64>, tensor<?x4xf64>
  func.return %y, %h1, %c1 : tensor<?x4xf64>, tensor<?x4xf64>, tensor<?x4xf64>
}

// -----
// CHECK: {{^}}lstm-choose-form: scan 'lstm': form 'unrolled': the number of steps is dynamic; fix it with time=; possible here: auto, loop
// AUTO-LABEL: func.func @dynamic
// AUTO: scf.for
func.func @dynamic(%x: tensor<2x?x3xf64>, %h: tensor<2x4xf64>, %c: tensor<2x4xf64>) -> tensor<2x4xf64> {
  %K = lstm.weight "lstm/kernel" : tensor<3x16xf64>
  %R = lstm.weight "lstm/recurrent_kernel" : tensor<4x16xf64>
  %y, %h1, %c1 = lstm.layer %x : tensor<2x?x3xf64> kernel(%K : tensor<3x16xf64>) recurrent_kernel(%R : tensor<4x16xf64>) initial_state(%h, %c : tensor<2x4xf64>, tensor<2x4xf64>) {layer = "lstm", activation = #lstm.activation<softmax>, recurrent_activation = #lstm.activation<hard_sigmoid>} -> tensor<2x4xf64>, tensor<2x4xf64>, tensor<2x4xf64>
  func.return %y : tensor<2x4xf64>
}
