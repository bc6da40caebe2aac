// The product with the input leaves the time loop.
// RUN: %lstm-opt %s -p lstm-hoist-projection --split-input-file | %filecheck %s

// The projection keeps the layout of the input, and the scan its maps, mask, cell and wishes.
// CHECK-LABEL: func.func @bias
// CHECK-NEXT: [[P:%\S+]] = lstm.project %x : tensor<?x?x3xf32> kernel(%K : tensor<3x8xf32>) bias(%b : tensor<8xf32>) -> tensor<?x?x8xf32>
// CHECK-NEXT: %y, %h, %c = lstm.scan "s" input([[P]] : tensor<?x?x8xf32>) recurrent_kernels(%R : tensor<4x8xf32>) mask(%m : tensor<?x?xi8>) init(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {input_map = affine_map<(d0, d1)[s0] -> (((s0 + (d0 * -1)) + -1), d1)>, mask_map = affine_map<(d0, d1)[s0] -> (((s0 + (d0 * -1)) + -1), d1)>, output_map = affine_map<(d0, d1)[s0] -> (d0, d1)>, masked_output = "zero", unroll} -> tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> cell {
// CHECK-NEXT: (%g0: vector<4xf32>, %g1: vector<4xf32>, %s0: vector<4xf32>, %s1: vector<4xf32>):
// CHECK-NEXT: lstm.yield %g0, %g1 : vector<4xf32>, vector<4xf32>
func.func @bias(%x: tensor<?x?x3xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>, %K: tensor<3x8xf32>, %R: tensor<4x8xf32>, %b: tensor<8xf32>) {
  %y, %h, %c = lstm.scan "s" input(%x : tensor<?x?x3xf32>) kernels(%K : tensor<3x8xf32>) recurrent_kernels(%R : tensor<4x8xf32>) biases(%b : tensor<8xf32>) mask(%m : tensor<?x?xi8>) init(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (T - k - 1, b)>, mask_map = affine_map<(k, b)[T] -> (T - k - 1, b)>, output_map = affine_map<(k, b)[T] -> (k, b)>, masked_output = "zero", unroll} -> tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%g0: vector<4xf32>, %g1: vector<4xf32>, %s0: vector<4xf32>, %s1: vector<4xf32>):
    lstm.yield %g0, %g1 : vector<4xf32>, vector<4xf32>
  }
  func.return
}

// -----
// CHECK-LABEL: func.func @no_bias
// CHECK-NEXT: [[P:%\S+]] = lstm.project %x : tensor<?x?x3xf32> kernel(%K : tensor<3x8xf32>) -> tensor<?x?x8xf32>
// CHECK-NEXT: lstm.scan "s" input([[P]] : tensor<?x?x8xf32>) recurrent_kernels(%R : tensor<4x8xf32>) init(
func.func @no_bias(%x: tensor<?x?x3xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>, %K: tensor<3x8xf32>, %R: tensor<4x8xf32>) {
  %y, %h, %c = lstm.scan "s" input(%x : tensor<?x?x3xf32>) kernels(%K : tensor<3x8xf32>) recurrent_kernels(%R : tensor<4x8xf32>) init(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%g0: vector<4xf32>, %g1: vector<4xf32>, %s0: vector<4xf32>, %s1: vector<4xf32>):
    lstm.yield %g0, %g1 : vector<4xf32>, vector<4xf32>
  }
  func.return
}

// -----
// The projection of a half type is kept in f32.
// CHECK-LABEL: func.func @half
// CHECK-NEXT: [[P:%\S+]] = lstm.project %x : tensor<?x?x3xbf16> kernel(%K : tensor<3x8xbf16>) -> tensor<?x?x8xf32>
// CHECK-NEXT: lstm.scan "s" input([[P]] : tensor<?x?x8xf32>) recurrent_kernels(%R : tensor<4x8xbf16>) init(
func.func @half(%x: tensor<?x?x3xbf16>, %K: tensor<3x8xbf16>, %R: tensor<4x8xbf16>, %h0: tensor<?x4xbf16>, %c0: tensor<?x4xbf16>) {
  %y, %h, %c = lstm.scan "s" input(%x : tensor<?x?x3xbf16>) kernels(%K : tensor<3x8xbf16>) recurrent_kernels(%R : tensor<4x8xbf16>) init(%h0, %c0 : tensor<?x4xbf16>, tensor<?x4xbf16>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<?x4xbf16>, tensor<?x4xbf16>, tensor<?x4xbf16> cell {
  ^cell(%g0: vector<4xf32>, %g1: vector<4xf32>, %s0: vector<4xf32>, %s1: vector<4xf32>):
    lstm.yield %g0, %g1 : vector<4xf32>, vector<4xf32>
  }
  func.return
}

// -----
// Declined: hoisted already.
// CHECK-LABEL: func.func @hoisted
// CHECK-NOT: lstm.project
// CHECK: lstm.scan "s" input(%p : tensor<?x?x8xf32>) recurrent_kernels(%R : tensor<4x8xf32>) init(
func.func @hoisted(%x: tensor<?x?x3xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>, %p: tensor<?x?x8xf32>, %R: tensor<4x8xf32>) {
  %y, %h, %c = lstm.scan "s" input(%p : tensor<?x?x8xf32>) recurrent_kernels(%R : tensor<4x8xf32>) init(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%g0: vector<4xf32>, %g1: vector<4xf32>, %s0: vector<4xf32>, %s1: vector<4xf32>):
    lstm.yield %g0, %g1 : vector<4xf32>, vector<4xf32>
  }
  func.return
}

// -----
// Declined: the gates are not packed.
// CHECK-LABEL: func.func @not_fused
// CHECK-NOT: lstm.project
// CHECK: lstm.scan "s" input(%x : tensor<?x?x3xf32>) kernels(%k0, %k1 : tensor<3x4xf32>, tensor<3x4xf32>) recurrent_kernels(%R : tensor<4x8xf32>) init(
func.func @not_fused(%x: tensor<?x?x3xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>, %k0: tensor<3x4xf32>, %k1: tensor<3x4xf32>, %R: tensor<4x8xf32>) {
  %y, %h, %c = lstm.scan "s" input(%x : tensor<?x?x3xf32>) kernels(%k0, %k1 : tensor<3x4xf32>, tensor<3x4xf32>) recurrent_kernels(%R : tensor<4x8xf32>) init(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%g0: vector<4xf32>, %g1: vector<4xf32>, %s0: vector<4xf32>, %s1: vector<4xf32>):
    lstm.yield %g0, %g1 : vector<4xf32>, vector<4xf32>
  }
  func.return
}

// -----
// Declined: forms whose kernel projects the input. A loop over the same input is hoisted, and keeps its form.
// CHECK-LABEL: func.func @kernel_forms
// CHECK-NEXT: lstm.scan "a" input(%x : tensor<?x?x3xf32>) kernels(%K : tensor<3x4xf32>) {{.*}} form = "persistent"
// CHECK-NOT: lstm.project
// CHECK: lstm.scan "b" input(%x : tensor<?x?x3xf32>) kernels(%K : tensor<3x4xf32>) {{.*}} form = "cooperative"
// CHECK: [[P:%\S+]] = lstm.project %x : tensor<?x?x3xf32> kernel(%K : tensor<3x4xf32>)
// CHECK-NEXT: lstm.scan "c" input([[P]] : tensor<?x?x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) {{.*}} form = "loop"
func.func @kernel_forms(%x: tensor<?x?x3xf32>, %h0: tensor<?x4xf32>, %K: tensor<3x4xf32>, %R: tensor<4x4xf32>) {
  %ya, %ha = lstm.scan "a" input(%x : tensor<?x?x3xf32>) kernels(%K : tensor<3x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h0 : tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "persistent"} -> tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%g0: vector<4xf32>, %s0: vector<4xf32>):
    lstm.yield %g0 : vector<4xf32>
  }
  %yb, %hb = lstm.scan "b" input(%x : tensor<?x?x3xf32>) kernels(%K : tensor<3x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h0 : tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "cooperative"} -> tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%g0: vector<4xf32>, %s0: vector<4xf32>):
    lstm.yield %g0 : vector<4xf32>
  }
  %yc, %hc = lstm.scan "c" input(%x : tensor<?x?x3xf32>) kernels(%K : tensor<3x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h0 : tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "loop"} -> tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%g0: vector<4xf32>, %s0: vector<4xf32>):
    lstm.yield %g0 : vector<4xf32>
  }
  func.return
}
