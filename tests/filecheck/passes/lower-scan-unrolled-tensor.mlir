// Form unrolled: the steps one after the other.
// RUN: %lstm-opt %s -p lstm-lower-scan-unrolled-tensor --split-input-file --verify-diagnostics | %filecheck %s

// Step numbers that IREE cannot see, behind one barrier; then the steps. The batch stays dynamic.
// A masked step holds the previous output, which is h, or zeros before the first valid step of a row.
func.func @three(%p: tensor<?x3x4xf32>, %R: tensor<4x4xf32>, %m: tensor<?x3xi8>, %h0: tensor<?x4xf32>) -> (tensor<?x3x4xf32>, tensor<?x4xf32>) {
  %y, %h = lstm.scan "s" input(%p : tensor<?x3x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) mask(%m : tensor<?x3xi8>) init(%h0 : tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, T - k - 1)>, mask_map = affine_map<(k, b)[T] -> (b, T - k - 1)>, output_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "unrolled"} -> tensor<?x3x4xf32>, tensor<?x4xf32> cell {
  ^cell(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return %y, %h : tensor<?x3x4xf32>, tensor<?x4xf32>
}
// CHECK-LABEL: func.func @three
// CHECK-NOT:   scf.for
// CHECK:       [[FIRST:%\S+]] = linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]} ins(%m : tensor<?x3xi8>)
// CHECK:       [[Y:%\S+]] = tensor.empty({{.*}}) : tensor<?x3x4xf32>
// CHECK-NEXT:  [[C:%\S+]] = arith.constant 0 : index
// CHECK-NEXT:  [[B:%\S+]] = "util.optimization_barrier"([[C]]) : (index) -> index
// CHECK-NEXT:  [[C0:%\S+]] = arith.constant 0 : index
// CHECK-NEXT:  [[K0:%\S+]] = arith.addi [[B]], [[C0]] : index
// CHECK-NEXT:  [[C1:%\S+]] = arith.constant 1 : index
// CHECK-NEXT:  [[K1:%\S+]] = arith.addi [[B]], [[C1]] : index
// CHECK-NEXT:  [[C2:%\S+]] = arith.constant 2 : index
// CHECK-NEXT:  [[K2:%\S+]] = arith.addi [[B]], [[C2]] : index
// CHECK:       [[T0:%\S+]] = arith.subi {{%\S+}}, [[K0]] : index
// CHECK-NEXT:  tensor.extract_slice %p[0, [[T0]], 0]
// CHECK:       ins(%h0, %R : tensor<?x4xf32>, tensor<4x4xf32>)
// CHECK:       [[M0:%\S+]] = arith.subi {{%\S+}}, [[K0]] : index
// CHECK-NEXT:  tensor.extract_slice %m[0, [[M0]]]
// CHECK:       [[H1:%\S+]], [[O1:%\S+]] = linalg.generic {{.*}}, %h0, [[FIRST]] :
// CHECK:       [[Y1:%\S+]] = tensor.insert_slice [[O1]] into [[Y]][0, [[K0]], 0]
// CHECK:       ins([[H1]], %R : tensor<?x4xf32>, tensor<4x4xf32>)
// CHECK:       [[H2:%\S+]], [[O2:%\S+]] = linalg.generic {{.*}}, [[H1]], [[FIRST]] :
// CHECK:       [[Y2:%\S+]] = tensor.insert_slice [[O2]] into [[Y1]][0, [[K1]], 0]
// CHECK:       ins([[H2]], %R : tensor<?x4xf32>, tensor<4x4xf32>)
// CHECK:       [[H3:%\S+]], [[O3:%\S+]] = linalg.generic {{.*}}, [[H2]], [[FIRST]] :
// CHECK:       [[Y3:%\S+]] = tensor.insert_slice [[O3]] into [[Y2]][0, [[K2]], 0]
// CHECK-NOT:   util.optimization_barrier
// CHECK:       func.return [[Y3]], [[H3]]

// -----
// One step is one step; the last output is h.
func.func @one(%p: tensor<2x1x4xf32>, %R: tensor<4x4xf32>, %h0: tensor<2x4xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %y, %h = lstm.scan "s" input(%p : tensor<2x1x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h0 : tensor<2x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "unrolled"} -> tensor<2x4xf32>, tensor<2x4xf32> cell {
  ^cell(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return %y, %h : tensor<2x4xf32>, tensor<2x4xf32>
}
// CHECK-LABEL: func.func @one(%p: tensor<2x1x4xf32>, %R: tensor<4x4xf32>, %h0: tensor<2x4xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
// CHECK-NEXT:    %0 = arith.constant 0 : index
// CHECK-NEXT:    %1 = "util.optimization_barrier"(%0) : (index) -> index
// CHECK-NEXT:    %2 = arith.constant 0 : index
// CHECK-NEXT:    %3 = arith.addi %1, %2 : index
// CHECK-NEXT:    %4 = tensor.extract_slice %p[0, %3, 0] [2, 1, 4] [1, 1, 1] : tensor<2x1x4xf32> to tensor<2x4xf32>
// CHECK-NEXT:    %5 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %6 = tensor.empty() : tensor<2x4xf32>
// CHECK-NEXT:    %7 = linalg.fill ins(%5 : f32) outs(%6 : tensor<2x4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT:    %8 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%h0, %R : tensor<2x4xf32>, tensor<4x4xf32>) outs(%7 : tensor<2x4xf32>) {
// CHECK-NEXT:    ^bb0(%9: f32, %10: f32, %11: f32):
// CHECK-NEXT:      %12 = arith.mulf %9, %10 : f32
// CHECK-NEXT:      %13 = arith.addf %11, %12 : f32
// CHECK-NEXT:      linalg.yield %13 : f32
// CHECK-NEXT:    } -> tensor<2x4xf32>
// CHECK-NEXT:    %14 = tensor.empty() : tensor<2x4xf32>
// CHECK-NEXT:    %15 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%8, %4 : tensor<2x4xf32>, tensor<2x4xf32>) outs(%14 : tensor<2x4xf32>) {
// CHECK-NEXT:    ^bb0(%16: f32, %17: f32, %18: f32):
// CHECK-NEXT:      %19 = arith.addf %16, %17 : f32
// CHECK-NEXT:      linalg.yield %19 : f32
// CHECK-NEXT:    } -> tensor<2x4xf32>
// CHECK-NEXT:    %20 = tensor.extract_slice %15[0, 0] [2, 4] [1, 1] : tensor<2x4xf32> to tensor<2x4xf32>
// CHECK-NEXT:    %21 = tensor.empty() : tensor<2x4xf32>
// CHECK-NEXT:    %y = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%20 : tensor<2x4xf32>) outs(%21 : tensor<2x4xf32>) {
// CHECK-NEXT:    ^bb0(%22: f32, %23: f32):
// CHECK-NEXT:      linalg.yield %22 : f32
// CHECK-NEXT:    } -> tensor<2x4xf32>
// CHECK-NEXT:    func.return %y, %y : tensor<2x4xf32>, tensor<2x4xf32>

// -----
// A dynamic number of steps cannot be written out.
func.func @dynamic(%p: tensor<?x?x4xf32>, %R: tensor<4x4xf32>, %h0: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %y, %h = lstm.scan "s" input(%p : tensor<?x?x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h0 : tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "unrolled"} -> tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return %y, %h : tensor<?x4xf32>, tensor<?x4xf32>
}
// CHECK: {{^}}lstm-lower-scan-unrolled-tensor: scan 's' has a dynamic number of steps; form 'unrolled' needs a static one (compile with time=)

// -----
// Declined: another form.
func.func @declined(%p: tensor<?x?x4xf32>, %R: tensor<4x4xf32>, %h0: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %y, %h = lstm.scan "s" input(%p : tensor<?x?x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h0 : tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "loop"} -> tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return %y, %h : tensor<?x4xf32>, tensor<?x4xf32>
}
// CHECK-LABEL: func.func @declined(%p: tensor<?x?x4xf32>, %R: tensor<4x4xf32>, %h0: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
// CHECK-NEXT:    %y, %h = lstm.scan "s" input(%p : tensor<?x?x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h0 : tensor<?x4xf32>) {input_map = affine_map<(d0, d1)[s0] -> (d1, d0)>, masked_output = "hold", form = "loop"} -> tensor<?x4xf32>, tensor<?x4xf32> cell {
// CHECK-NEXT:    ^cell(%z: vector<4xf32>, %hp: vector<4xf32>):
// CHECK-NEXT:      lstm.yield %z : vector<4xf32>
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %y, %h : tensor<?x4xf32>, tensor<?x4xf32>
// CHECK-NEXT:  }
