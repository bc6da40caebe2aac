// A module holds nothing that an earlier stage should have removed.
// RUN: %lstm-opt %s -p "lstm-check-stage{stage=recurrence}" --split-input-file --verify-diagnostics | %filecheck %s --check-prefix=RECURRENCE
// RUN: %lstm-opt %s -p "lstm-check-stage{stage=target}" --split-input-file --verify-diagnostics | %filecheck %s --check-prefix=TARGET
// RUN: %lstm-opt %s -p "lstm-check-stage{stage=gpu}" --split-input-file --verify-diagnostics | %filecheck %s --check-prefix=UNKNOWN

// RECURRENCE: {{^}}lstm-check-stage{stage=recurrence}: lstm.layer remains: whole layers become scans in lstm-normalize
// TARGET: {{^}}lstm-check-stage{stage=target}: lstm.layer remains: dialect 'lstm' is not read by IREE
// UNKNOWN: {{^}}lstm-check-stage: stage 'gpu' is not one of recurrence, target
func.func @layer(%x: tensor<?x?x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %b: tensor<16xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>) {
  %y, %h, %c = lstm.layer %x : tensor<?x?x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) initial_state(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {layer = "lstm", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<hard_sigmoid>} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  func.return
}

// -----
// RECURRENCE: {{^}}lstm-check-stage{stage=recurrence}: lstm.scan remains: the projection of a scan that no kernel runs is hoisted by lstm-hoist-projection
// TARGET: {{^}}lstm-check-stage{stage=target}: lstm.scan remains: dialect 'lstm' is not read by IREE
func.func @not_hoisted(%x: tensor<?x?x3xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>, %K: tensor<3x8xf32>, %R: tensor<4x8xf32>) {
  %y, %h, %c = lstm.scan "s" input(%x : tensor<?x?x3xf32>) kernels(%K : tensor<3x8xf32>) recurrent_kernels(%R : tensor<4x8xf32>) init(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "loop"} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%g0: vector<4xf32>, %g1: vector<4xf32>, %s0: vector<4xf32>, %s1: vector<4xf32>):
    lstm.yield %g0, %g1 : vector<4xf32>, vector<4xf32>
  }
  func.return
}

// -----
// RECURRENCE: {{^}}lstm-check-stage{stage=recurrence}: lstm.scan remains: the gates of a scan are fused by lstm-fuse-gates
func.func @not_fused(%x: tensor<?x?x3xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>, %p: tensor<?x?x8xf32>, %R0: tensor<4x4xf32>, %R1: tensor<4x4xf32>) {
  %y, %h, %c = lstm.scan "s" input(%p : tensor<?x?x8xf32>) recurrent_kernels(%R0, %R1 : tensor<4x4xf32>, tensor<4x4xf32>) init(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "loop"} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%g0: vector<4xf32>, %g1: vector<4xf32>, %s0: vector<4xf32>, %s1: vector<4xf32>):
    lstm.yield %g0, %g1 : vector<4xf32>, vector<4xf32>
  }
  func.return
}

// -----
// RECURRENCE: {{^}}lstm-check-stage{stage=recurrence}: lstm.scan remains: every scan needs a form, from lstm-choose-form
func.func @no_form(%p: tensor<?x?x4xf32>, %R: tensor<4x4xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>) {
  %y, %h, %c = lstm.scan "s" input(%p : tensor<?x?x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%g0: vector<4xf32>, %s0: vector<4xf32>, %s1: vector<4xf32>):
    lstm.yield %g0, %s1 : vector<4xf32>, vector<4xf32>
  }
  func.return
}

// -----
// Kernels project the input themselves: a scan of their forms keeps its kernel.
// RECURRENCE-LABEL: func.func @kernel_forms
// RECURRENCE-COUNT-2: lstm.scan
// TARGET: {{^}}lstm-check-stage{stage=target}: lstm.scan remains: dialect 'lstm' is not read by IREE
func.func @kernel_forms(%x: tensor<?x?x3xf32>, %h0: tensor<?x4xf32>, %K: tensor<3x4xf32>, %R: tensor<4x4xf32>) {
  %y, %h = lstm.scan "s" input(%x : tensor<?x?x3xf32>) kernels(%K : tensor<3x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h0 : tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "persistent"} -> tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%g0: vector<4xf32>, %s0: vector<4xf32>):
    lstm.yield %g0 : vector<4xf32>
  }
  %y1, %h1 = lstm.scan "t" input(%x : tensor<?x?x3xf32>) kernels(%K : tensor<3x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h0 : tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "cooperative"} -> tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%g0: vector<4xf32>, %s0: vector<4xf32>):
    lstm.yield %g0 : vector<4xf32>
  }
  func.return
}

// -----
// So does a scan that runs a step at a time, if its step is a kernel.
// RECURRENCE-LABEL: func.func @step_kernel
// RECURRENCE: lstm.scan {{.*}} kernels({{.*}} step_kernel
// TARGET: {{^}}lstm-check-stage{stage=target}: lstm.scan remains: dialect 'lstm' is not read by IREE
func.func @step_kernel(%x: tensor<?x?x3xf32>, %h0: tensor<?x4xf32>, %K: tensor<3x4xf32>, %R: tensor<4x4xf32>) {
  %y, %h = lstm.scan "s" input(%x : tensor<?x?x3xf32>) kernels(%K : tensor<3x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h0 : tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "loop", step_kernel} -> tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%g0: vector<4xf32>, %s0: vector<4xf32>):
    lstm.yield %g0 : vector<4xf32>
  }
  func.return
}

// -----
// What belongs passes unchanged.
// RECURRENCE-LABEL: func.func @ready
// RECURRENCE: lstm.scan
// TARGET: {{^}}lstm-check-stage{stage=target}: lstm.scan remains
func.func @ready(%p: tensor<?x?x4xf32>, %R: tensor<4x4xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>) {
  %y, %h, %c = lstm.scan "s" input(%p : tensor<?x?x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "loop"} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%g0: vector<4xf32>, %s0: vector<4xf32>, %s1: vector<4xf32>):
    lstm.yield %g0, %s1 : vector<4xf32>, vector<4xf32>
  }
  func.return
}

// -----
// TARGET: {{^}}lstm-check-stage{stage=target}: lstm.weight remains: dialect 'lstm' is not read by IREE
func.func @weight() -> tensor<4xf32> {
  %w = lstm.weight "w" : tensor<4xf32>
  func.return %w : tensor<4xf32>
}

// -----
// TARGET: {{^}}lstm-check-stage{stage=target}: lstm.panels remains: dialect 'lstm' is not read by IREE
func.func @panels(%K: tensor<3x8xf32>) -> tensor<1x1x4x1x8xf32> {
  %w = lstm.panels %K {gates = 1 : i64} : tensor<3x8xf32> -> tensor<1x1x4x1x8xf32>
  func.return %w : tensor<1x1x4x1x8xf32>
}

// -----
// TARGET: {{^}}lstm-check-stage{stage=target}: test.op remains: dialect 'test' is not read by IREE
func.func @other_dialect() {
  "test.op"() : () -> ()
  func.return
}

// -----
// Hand-authored dispatches and what their kernels are made of.
// TARGET-LABEL: sym_name = "kernel"
// TARGET: vector.load
// TARGET: func.func @target
// TARGET-NEXT: arith.constant
"stream.executable"() <{sym_name = "kernel", sym_visibility = "private"}> ({
  builtin.module {
    func.func @kernel(%a: memref<8xf32>) {
      %n = arith.constant 0 : index
      %v = vector.load %a[%n] : memref<8xf32>, vector<8xf32>
      func.return
    }
  }
  "stream.executable.end"() : () -> ()
}) : () -> ()
func.func @target() -> index {
  %n = arith.constant 3 : index
  func.return %n : index
}
