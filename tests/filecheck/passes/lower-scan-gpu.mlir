// A scan as one launch on a GPU: threads of a workgroup share rows of the batch through all steps.
// RUN: %lstm-opt %s -p "lstm-lower-scan-gpu{threads=256 memory=16384}" --split-input-file | %filecheck %s
// RUN: %lstm-opt %s -p "lstm-lower-scan-gpu{threads=256 memory=32}" --split-input-file --verify-diagnostics | %filecheck %s --check-prefix=MEMORY

// MEMORY: {{^}}lstm-lower-scan-gpu: scan 'lstm': the states of 40 units do not fit into 32 bytes of workgroup memory

func.func @call(%p: tensor<?x?x160xf32>, %h0: tensor<?x40xf32>, %c0: tensor<?x40xf32>) -> (tensor<?x?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>) {
  %R = lstm.weight "lstm/recurrent_kernel" : tensor<40x160xf32>
  %y, %h, %c = lstm.scan "lstm" input(%p : tensor<?x?x160xf32>) recurrent_kernels(%R : tensor<40x160xf32>) init(%h0, %c0 : tensor<?x40xf32>, tensor<?x40xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, output_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "persistent"} -> tensor<?x?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32> cell {
  ^cell(%i: vector<40xf32>, %f: vector<40xf32>, %g: vector<40xf32>, %o: vector<40xf32>, %hp: vector<40xf32>, %cp: vector<40xf32>):
    %is = lstm.activate <hard_sigmoid> %i : vector<40xf32>
    %c1 = arith.mulf %is, %cp : vector<40xf32>
    lstm.yield %o, %c1 : vector<40xf32>, vector<40xf32>
  }
  func.return %y, %h, %c : tensor<?x?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>
}
func.func @call_masked(%p: tensor<?x?x160xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x40xf32>, %c0: tensor<?x40xf32>) -> (tensor<?x?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>) {
  %R = lstm.weight "lstm/recurrent_kernel" : tensor<40x160xf32>
  %y, %h, %c = lstm.scan "lstm" input(%p : tensor<?x?x160xf32>) recurrent_kernels(%R : tensor<40x160xf32>) mask(%m : tensor<?x?xi8>) init(%h0, %c0 : tensor<?x40xf32>, tensor<?x40xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, mask_map = affine_map<(k, b)[T] -> (b, k)>, output_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "persistent"} -> tensor<?x?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32> cell {
  ^cell(%i: vector<40xf32>, %f: vector<40xf32>, %g: vector<40xf32>, %o: vector<40xf32>, %hp: vector<40xf32>, %cp: vector<40xf32>):
    %is = lstm.activate <hard_sigmoid> %i : vector<40xf32>
    %c1 = arith.mulf %is, %cp : vector<40xf32>
    lstm.yield %o, %c1 : vector<40xf32>, vector<40xf32>
  }
  func.return %y, %h, %c : tensor<?x?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>
}
// The entry points of a layer share one kernel, which is told whether there is a mask.
// CHECK:      builtin.module {
// CHECK-NEXT:   "stream.executable"() <{sym_name = "scan0", sym_visibility = "private"}> ({
// CHECK:          func.func @scan0(%{{[0-9]+}}: !stream.binding, {{.*}} attributes {translation_info = #iree_codegen.translation_info<pipeline = #iree_codegen.no_pipeline workgroup_size = [128, 1, 1]>} {
// CHECK-NOT:        lstm.
// Every tensor begins at an offset that comes from outside, so that all bindings are of one type.
// CHECK:            "stream.binding.subspan"(%{{[0-9]+}}, [[NOUGHT:%[0-9]+]], {{.*}} -> memref<?xf32, strided<[1], offset: ?>>
// CHECK:            "stream.binding.subspan"(%{{[0-9]+}}, [[NOUGHT]]) {{.*}} -> memref<10240xf32, strided<[1], offset: ?>>
// CHECK:            "stream.binding.subspan"(%{{[0-9]+}}, [[NOUGHT]], {{.*}} -> memref<?xi8, strided<[1], offset: ?>>
// CHECK:            "stream.dispatch.workgroup.id"
// CHECK:            "gpu.thread_id"() <{dimension = #gpu.dim<x>}> : () -> index
// h, and the sums of the two parts that each sum is cut into.
// CHECK:            memref.alloc() {alignment = 32 : i64} : memref<40xf32, #gpu.address_space<workgroup>>
// CHECK:            memref.alloc() {alignment = 32 : i64} : memref<512xf32, #gpu.address_space<workgroup>>
// The time loop: all threads have read h before it is written, and see it whole before it is read again.
// CHECK:            "gpu.barrier"
// CHECK:            scf.for
// CHECK:              math.fma
// CHECK:              "gpu.barrier"
// CHECK:              "gpu.barrier"
// CHECK:            func.return
// CHECK:      func.func @call(
// CHECK:        [[R:%[0-9]+]] = lstm.panels %R {gates = 4 : i64} : tensor<40x160xf32> -> tensor<1x1x40x4x64xf32>
// CHECK:        [[ZERO:%[0-9]+]] = "util.optimization_barrier"
// CHECK:        "flow.dispatch"({{.*}}, %p, [[R]], %p, %h0, %c0, [[ZERO]], {{.*}}entry_points = [@scan0::@scan0]
// CHECK:      func.func @call_masked(
// CHECK:        "flow.dispatch"({{.*}}, %p, {{%[0-9]+}}, %m, %h0, %c0, {{.*}}entry_points = [@scan0::@scan0]

// -----
// Left alone: scans of other forms.
// CHECK-LABEL: func.func @others
// CHECK: lstm.scan
// CHECK: func.return
func.func @others(%R: tensor<5x5xf32>, %p: tensor<2x6x5xf32>, %h0: tensor<2x5xf32>) -> tensor<2x5xf32> {
  %y, %h = lstm.scan "loop" input(%p : tensor<2x6x5xf32>) recurrent_kernels(%R : tensor<5x5xf32>) init(%h0 : tensor<2x5xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "loop"} -> tensor<2x5xf32>, tensor<2x5xf32> cell {
  ^cell(%z: vector<5xf32>, %hp: vector<5xf32>):
    lstm.yield %z : vector<5xf32>
  }
  func.return %y : tensor<2x5xf32>
}
