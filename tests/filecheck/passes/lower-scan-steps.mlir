// Forms loop and unrolled with a step kernel: one dispatch a step, and one before that makes what they update in place.
// RUN: %lstm-opt %s -p "lstm-lower-scan-loop{vector=avx2 workers=2},lstm-lower-scan-unrolled{vector=avx2 workers=2}" --split-input-file | %filecheck %s
// RUN: %lstm-opt %s -p "lstm-lower-scan-loop{vector=mmx}" --split-input-file --verify-diagnostics | %filecheck %s --check-prefix=VECTOR

// VECTOR: {{^}}lstm-lower-scan-loop: vector 'mmx' is not one of avx512, avx2, sse, neon

// A loop on the host. The round is an index that the kernel is handed; nobody waits inside, so there are no atomics.
// CHECK:       func.func @scan0(
// CHECK-NOT:     atomic
// CHECK:         [[GROUP:%[0-9]+]] = "stream.dispatch.workgroup.id"() <{dimension = 0 : index}> : () -> index
// CHECK:         arith.divui [[GROUP]],
// CHECK:         arith.remui [[GROUP]],
// CHECK-NOT:     scf.while
// CHECK:         vector.fma
// CHECK-NOT:     scf.while
// CHECK:         func.return
// CHECK-LABEL: func.func @loop
// CHECK:         %{{[0-9]+}}, %{{[0-9]+}}, %{{[0-9]+}}, %{{[0-9]+}} = "flow.dispatch"({{.*}} <{entry_points = [@scan0::@scan0], tied_operands = [-1 : index, -1 : index, -1 : index, -1 : index], {{.*}}}> : ({{.*}} -> (tensor<?x?x5xf32>, tensor<?x5xf32>, tensor<?x5xf32>, tensor<?xf32>)
// CHECK-NOT:     "flow.dispatch"
// CHECK:         %y, %h, %c, %{{[0-9]+}} = scf.for [[K:%[0-9]+]] = {{.*}} iter_args([[Y:%[0-9]+]] = {{%[0-9]+}}, [[H:%[0-9]+]] = {{%[0-9]+}}, [[C:%[0-9]+]] = {{%[0-9]+}}, [[S:%[0-9]+]] = {{%[0-9]+}}) -> (tensor<?x?x5xf32>, tensor<?x5xf32>, tensor<?x5xf32>, tensor<?xf32>) {
// Where it runs is said, or IREE would copy what goes round the loop.
// CHECK-NEXT:      {{%[0-9]+, %[0-9]+, %[0-9]+, %[0-9]+}} = "flow.dispatch"({{.*}}, [[K]], {{.*}}, [[Y]], [[H]], [[C]], [[S]], {{.*}} <{entry_points = [@scan0::@scan0], tied_operands = [{{[0-9]+}} : index, {{[0-9]+}} : index, {{[0-9]+}} : index, {{[0-9]+}} : index], {{.*}}}> {stream.affinity = #hal.device.promise<@__device_0>}
// CHECK-NEXT:      scf.yield {{%[0-9]+, %[0-9]+, %[0-9]+, %[0-9]+}} : tensor<?x?x5xf32>, tensor<?x5xf32>, tensor<?x5xf32>, tensor<?xf32>
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %y, %h, %c
func.func @loop(%x: tensor<?x?x3xf32>, %h0: tensor<?x5xf32>, %c0: tensor<?x5xf32>) -> (tensor<?x?x5xf32>, tensor<?x5xf32>, tensor<?x5xf32>) {
  %K = lstm.weight "lstm/kernel" : tensor<3x20xf32>
  %R = lstm.weight "lstm/recurrent_kernel" : tensor<5x20xf32>
  %y, %h, %c = lstm.scan "lstm" input(%x : tensor<?x?x3xf32>) kernels(%K : tensor<3x20xf32>) recurrent_kernels(%R : tensor<5x20xf32>) init(%h0, %c0 : tensor<?x5xf32>, tensor<?x5xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, output_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "loop", step_kernel} -> tensor<?x?x5xf32>, tensor<?x5xf32>, tensor<?x5xf32> cell {
  ^cell(%i: vector<5xf32>, %f: vector<5xf32>, %g: vector<5xf32>, %o: vector<5xf32>, %hp: vector<5xf32>, %cp: vector<5xf32>):
    %is = lstm.activate <hard_sigmoid> %i : vector<5xf32>
    %c1 = arith.mulf %is, %cp : vector<5xf32>
    lstm.yield %o, %c1 : vector<5xf32>, vector<5xf32>
  }
  func.return %y, %h, %c : tensor<?x?x5xf32>, tensor<?x5xf32>, tensor<?x5xf32>
}

// -----
// Three steps one after the other: four dispatches of one kernel, no loop.
// CHECK-LABEL: func.func @unrolled
// CHECK-NOT:     scf.for
// CHECK-COUNT-4: entry_points = [@scan0::@scan0]
// CHECK-NOT:     entry_points
// CHECK-NOT:     scf.for
// CHECK:         func.return
func.func @unrolled(%x: tensor<2x3x3xf32>, %K: tensor<3x5xf32>, %R: tensor<5x5xf32>, %h0: tensor<2x5xf32>) -> tensor<2x5xf32> {
  %y, %h = lstm.scan "a" input(%x : tensor<2x3x3xf32>) kernels(%K : tensor<3x5xf32>) recurrent_kernels(%R : tensor<5x5xf32>) init(%h0 : tensor<2x5xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "unrolled", step_kernel} -> tensor<2x5xf32>, tensor<2x5xf32> cell {
  ^cell(%z: vector<5xf32>, %hp: vector<5xf32>):
    lstm.yield %z : vector<5xf32>
  }
  func.return %y : tensor<2x5xf32>
}

// -----
// A long sequence: a loop over chains of 32 steps, then the 2 that are left over.
// CHECK-LABEL: func.func @long
// CHECK-COUNT-1: entry_points = [@scan0::@scan0]
// CHECK:         scf.for
// CHECK-COUNT-32: entry_points = [@scan0::@scan0]
// CHECK-NEXT:      scf.yield
// CHECK-COUNT-2: entry_points = [@scan0::@scan0]
// CHECK-NOT:     entry_points
// CHECK:         func.return
func.func @long(%x: tensor<2x130x3xf32>, %K: tensor<3x5xf32>, %R: tensor<5x5xf32>, %h0: tensor<2x5xf32>) -> tensor<2x5xf32> {
  %y, %h = lstm.scan "a" input(%x : tensor<2x130x3xf32>) kernels(%K : tensor<3x5xf32>) recurrent_kernels(%R : tensor<5x5xf32>) init(%h0 : tensor<2x5xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "unrolled", step_kernel} -> tensor<2x5xf32>, tensor<2x5xf32> cell {
  ^cell(%z: vector<5xf32>, %hp: vector<5xf32>):
    lstm.yield %z : vector<5xf32>
  }
  func.return %y : tensor<2x5xf32>
}

// -----
// Left alone: a scan whose step has no kernel.
// CHECK-LABEL: func.func @others
// CHECK: lstm.scan
func.func @others(%p: tensor<2x6x5xf32>, %R: tensor<5x5xf32>, %h0: tensor<2x5xf32>) -> tensor<2x5xf32> {
  %y, %h = lstm.scan "loop" input(%p : tensor<2x6x5xf32>) recurrent_kernels(%R : tensor<5x5xf32>) init(%h0 : tensor<2x5xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "loop"} -> tensor<2x5xf32>, tensor<2x5xf32> cell {
  ^cell(%z: vector<5xf32>, %hp: vector<5xf32>):
    lstm.yield %z : vector<5xf32>
  }
  func.return %y : tensor<2x5xf32>
}
