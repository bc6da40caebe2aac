// The pipelines of GPUs: one launch for a scan, and IR that verifies in xDSL too.
// RUN: %lstm-opt %s -p cuda | %filecheck %s
// RUN: %lstm-opt %s -p vulkan | %filecheck %s

// CHECK-LABEL: builtin.module @lstm_ir
// CHECK: "stream.executable"()
// CHECK-NOT: "stream.executable"()
// CHECK: func.func @call
// CHECK-NOT: scf.for
// CHECK: "flow.dispatch"
// CHECK-NOT: scf.for
// CHECK: func.return
builtin.module @lstm_ir {
  func.func @call(%x: tensor<?x?x3xf32>, %h: tensor<?x4xf32>, %c: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %K = lstm.weight "lstm/kernel" : tensor<3x16xf32>
    %R = lstm.weight "lstm/recurrent_kernel" : tensor<4x16xf32>
    %y, %hn, %cn = lstm.layer %x : tensor<?x?x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) initial_state(%h, %c : tensor<?x4xf32>, tensor<?x4xf32>) {layer = "lstm", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<sigmoid>} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
    func.return %y : tensor<?x4xf32>
  }
}
