// Form persistent: one dispatch that takes rows of the batch through all steps.
// RUN: %lstm-opt %s -p "lstm-lower-scan-persistent{vector=avx2 workers=2}" --split-input-file | %filecheck %s
// RUN: %lstm-opt %s -p "lstm-lower-scan-persistent{vector=sse}" --split-input-file | %filecheck %s --check-prefix=SSE
// RUN: %lstm-opt %s -p "lstm-lower-scan-persistent{vector=mmx}" --split-input-file --verify-diagnostics | %filecheck %s --check-prefix=VECTOR
// RUN: %lstm-opt %s -p "lstm-lower-scan-persistent{vector=avx2 workers=0}" --split-input-file --verify-diagnostics | %filecheck %s --check-prefix=WORKERS

// VECTOR: {{^}}lstm-lower-scan-persistent: vector 'mmx' is not one of avx512, avx2, sse, neon
// WORKERS: {{^}}lstm-lower-scan-persistent: workers 0 is not a positive number

// The entry points of a layer, without and with a mask, share one kernel: a number says whether there is a mask, and
// without one its place holds the input, which is not read as a mask then.
func.func @call(%x: tensor<?x?x3xf32>, %h0: tensor<?x5xf32>, %c0: tensor<?x5xf32>) -> (tensor<?x?x5xf32>, tensor<?x5xf32>, tensor<?x5xf32>) {
  %K = lstm.weight "lstm/kernel" : tensor<3x20xf32>
  %R = lstm.weight "lstm/recurrent_kernel" : tensor<5x20xf32>
  %b = lstm.weight "lstm/bias" : tensor<20xf32>
  %y, %h, %c = lstm.scan "lstm" input(%x : tensor<?x?x3xf32>) kernels(%K : tensor<3x20xf32>) recurrent_kernels(%R : tensor<5x20xf32>) biases(%b : tensor<20xf32>) init(%h0, %c0 : tensor<?x5xf32>, tensor<?x5xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, output_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "persistent"} -> tensor<?x?x5xf32>, tensor<?x5xf32>, tensor<?x5xf32> cell {
  ^cell(%i: vector<5xf32>, %f: vector<5xf32>, %g: vector<5xf32>, %o: vector<5xf32>, %hp: vector<5xf32>, %cp: vector<5xf32>):
    %is = lstm.activate <hard_sigmoid> %i : vector<5xf32>
    %c1 = arith.mulf %is, %cp : vector<5xf32>
    lstm.yield %o, %c1 : vector<5xf32>, vector<5xf32>
  }
  func.return %y, %h, %c : tensor<?x?x5xf32>, tensor<?x5xf32>, tensor<?x5xf32>
}
func.func @call_masked(%x: tensor<?x?x3xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x5xf32>, %c0: tensor<?x5xf32>) -> (tensor<?x?x5xf32>, tensor<?x5xf32>, tensor<?x5xf32>) {
  %K = lstm.weight "lstm/kernel" : tensor<3x20xf32>
  %R = lstm.weight "lstm/recurrent_kernel" : tensor<5x20xf32>
  %b = lstm.weight "lstm/bias" : tensor<20xf32>
  %y, %h, %c = lstm.scan "lstm" input(%x : tensor<?x?x3xf32>) kernels(%K : tensor<3x20xf32>) recurrent_kernels(%R : tensor<5x20xf32>) biases(%b : tensor<20xf32>) mask(%m : tensor<?x?xi8>) init(%h0, %c0 : tensor<?x5xf32>, tensor<?x5xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, mask_map = affine_map<(k, b)[T] -> (b, k)>, output_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "persistent"} -> tensor<?x?x5xf32>, tensor<?x5xf32>, tensor<?x5xf32> cell {
  ^cell(%i: vector<5xf32>, %f: vector<5xf32>, %g: vector<5xf32>, %o: vector<5xf32>, %hp: vector<5xf32>, %cp: vector<5xf32>):
    %is = lstm.activate <hard_sigmoid> %i : vector<5xf32>
    %c1 = arith.mulf %is, %cp : vector<5xf32>
    lstm.yield %o, %c1 : vector<5xf32>, vector<5xf32>
  }
  func.return %y, %h, %c : tensor<?x?x5xf32>, tensor<?x5xf32>, tensor<?x5xf32>
}
// CHECK:      builtin.module {
// CHECK-NEXT:   "stream.executable"() <{sym_name = "scan0", sym_visibility = "private"}> ({
// CHECK-NEXT:     "stream.executable.export"() <{sym_name = "scan0", sym_visibility = "public", function_ref = @scan0}> ({
// CHECK-NEXT:     ^{{.*}}([[WORKLOAD:%[0-9]+]]: index):
// CHECK-NEXT:       [[ONE:%[0-9]+]] = arith.constant 1 : index
// CHECK-NEXT:       "stream.return"([[WORKLOAD]], [[ONE]], [[ONE]]) : (index, index, index) -> ()
// CHECK-NEXT:     }) : () -> ()
// CHECK-NEXT:     builtin.module {
// CHECK-NEXT:       func.func @scan0(%{{[0-9]+}}: !stream.binding, %{{[0-9]+}}: !stream.binding, %{{[0-9]+}}: !stream.binding, %{{[0-9]+}}: !stream.binding, %{{[0-9]+}}: !stream.binding, %{{[0-9]+}}: !stream.binding, %{{[0-9]+}}: !stream.binding, [[FLAG:%[0-9]+]]: index{{(, %[0-9]+: index)+}}, %{{[0-9]+}}: !stream.binding, %{{[0-9]+}}: !stream.binding, %{{[0-9]+}}: !stream.binding, %{{[0-9]+}}: !stream.binding) {
// CHECK-NOT:          lstm.
// CHECK:              arith.cmpi ne, [[FLAG]], {{%[0-9]+}} : index
// CHECK:              "stream.binding.subspan"({{.*}} -> memref<?xf32>
// CHECK:              "stream.binding.subspan"({{.*}} -> memref<128xf32>
// CHECK:              "stream.binding.subspan"({{.*}} -> memref<256xf32>
// CHECK:              "stream.binding.subspan"({{.*}} -> memref<32xf32>
// CHECK:              "stream.binding.subspan"({{.*}} -> memref<?xi8>
// A workgroup has its rows, and nothing to wait for.
// CHECK:              "stream.dispatch.workgroup.id"() <{dimension = 0 : index}> : () -> index
// CHECK:              scf.for
// CHECK:                vector.load
// CHECK:                vector.fma {{.*}} : vector<8xf32>
// CHECK:                vector.store
// Where rows are few, every other step goes through the columns from the last to the first.
// CHECK:                [[FEW:%[0-9]+]] = arith.cmpi sle, {{%[0-9]+, %[0-9]+}} : index
// CHECK:                [[ODD:%[0-9]+]] = arith.cmpi ne, {{%[0-9]+, %[0-9]+}} : index
// CHECK-NEXT:           [[BACK:%[0-9]+]] = arith.andi [[FEW]], [[ODD]] : i1
// CHECK:                arith.select [[BACK]], {{.*}} : index
// CHECK-NEXT:           arith.select [[BACK]], {{.*}} : index
// CHECK:                [[FROM:%[0-9]+]] = arith.select [[BACK]], {{.*}} : index
// CHECK-NEXT:           [[BY:%[0-9]+]] = arith.select [[BACK]], {{.*}} : index
// CHECK-NEXT:           scf.for [[NUMBER:%[0-9]+]] =
// CHECK-NEXT:             [[MOVED:%[0-9]+]] = arith.muli [[NUMBER]], [[BY]] : index
// CHECK-NEXT:             arith.addi [[FROM]], [[MOVED]] : index
// CHECK:            func.return
// CHECK-NEXT:     }
// CHECK-NEXT:   }
// CHECK-NEXT:   "stream.executable.end"() : () -> ()
// CHECK-NEXT: }) : () -> ()
// CHECK-NEXT: "util.global"() <{sym_name = "workers", sym_visibility = "private", type = index, initial_value = 2 : index, is_mutable}> : () -> ()
// CHECK:        func.func @call(
// CHECK:          [[CORES:%[0-9]+]] = "util.global.load"() <{global = @workers}> : () -> index
// CHECK:          arith.{{[a-z]+}} [[CORES]], {{%[0-9]+}} : index
// CHECK:          [[K:%[0-9]+]] = lstm.panels %K {gates = 4 : i64} : tensor<3x20xf32> -> tensor<1x4x4x1x8xf32>
// CHECK-NEXT:     [[R:%[0-9]+]] = lstm.panels %R {gates = 4 : i64} : tensor<5x20xf32> -> tensor<1x4x8x1x8xf32>
// CHECK-NEXT:     [[B:%[0-9]+]] = lstm.panels %b {gates = 4 : i64} : tensor<20xf32> -> tensor<1x4x1x1x8xf32>
// CHECK:          [[MASKED:%[0-9]+]] = arith.constant 0 : index
// CHECK:          %y, %h, %c, %{{[0-9]+}} = "flow.dispatch"({{%[0-9]+}}, %x, [[K]], [[R]], [[B]], %x, %h0, %c0, [[MASKED]], {{.*}} <{entry_points = [@scan0::@scan0], tied_operands = [-1 : index, -1 : index, -1 : index, -1 : index]{{.*}}(index, tensor<?x?x3xf32>, tensor<1x4x4x1x8xf32>, tensor<1x4x8x1x8xf32>, tensor<1x4x1x1x8xf32>, tensor<?x?x3xf32>, tensor<?x5xf32>, tensor<?x5xf32>, index,{{.*}} -> (tensor<?x?x5xf32>, tensor<?x5xf32>, tensor<?x5xf32>, tensor<?xf32>)
// CHECK-NEXT:     func.return %y, %h, %c
// CHECK:        func.func @call_masked(
// CHECK:          [[CORES:%[0-9]+]] = "util.global.load"() <{global = @workers}> : () -> index
// CHECK:          arith.{{[a-z]+}} [[CORES]], {{%[0-9]+}} : index
// CHECK:          [[K:%[0-9]+]] = lstm.panels %K {gates = 4 : i64} : tensor<3x20xf32> -> tensor<1x4x4x1x8xf32>
// CHECK-NEXT:     [[R:%[0-9]+]] = lstm.panels %R {gates = 4 : i64} : tensor<5x20xf32> -> tensor<1x4x8x1x8xf32>
// CHECK-NEXT:     [[B:%[0-9]+]] = lstm.panels %b {gates = 4 : i64} : tensor<20xf32> -> tensor<1x4x1x1x8xf32>
// CHECK:          [[MASKED:%[0-9]+]] = arith.constant 1 : index
// CHECK:          %y, %h, %c, %{{[0-9]+}} = "flow.dispatch"({{%[0-9]+}}, %x, [[K]], [[R]], [[B]], %m, %h0, %c0, [[MASKED]], {{.*}} <{entry_points = [@scan0::@scan0], tied_operands = [-1 : index, -1 : index, -1 : index, -1 : index]{{.*}}(index, tensor<?x?x3xf32>, tensor<1x4x4x1x8xf32>, tensor<1x4x8x1x8xf32>, tensor<1x4x1x1x8xf32>, tensor<?x?xi8>, tensor<?x5xf32>, tensor<?x5xf32>, index,{{.*}} -> (tensor<?x?x5xf32>, tensor<?x5xf32>, tensor<?x5xf32>, tensor<?xf32>)
// CHECK-NEXT:     func.return %y, %h, %c
// CHECK:        func.func @set_workers([[NEW:%[0-9]+]]: i32) attributes {iree.abi.stub} {
// CHECK-NEXT:     [[COUNT:%[0-9]+]] = arith.index_cast [[NEW]] : i32 to index
// CHECK-NEXT:     "util.global.store"([[COUNT]]) <{global = @workers}> : (index) -> ()
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
// CHECK-NEXT: }

// A vector of 4 where the target has no more, and no fused multiply-add where it has none; one worker unless told.
// SSE-NOT: vector.fma
// SSE: vector.load {{.*}} vector<4xf32>
// SSE-NOT: vector.fma
// SSE: sym_name = "workers", {{.*}} initial_value = 1 : index

// -----
// Two layers that differ, static sizes, no mask in any entry point, no bias: a kernel each, and nothing that says whether
// there is a mask. What was a size in the kernel is a number.
// CHECK-LABEL: sym_name = "scan1"
// CHECK:   func.func @scan1(%{{[0-9]+}}: !stream.binding, %{{[0-9]+}}: !stream.binding, %{{[0-9]+}}: !stream.binding, %{{[0-9]+}}: !stream.binding, %{{[0-9]+}}: index
// CHECK-NOT: memref<?xi8>
// CHECK:   memref<36xf32>
// CHECK: sym_name = "scan0"
// CHECK:   func.func @scan0(
// CHECK: func.func @static
// CHECK-COUNT-1: lstm.panels %K
// CHECK: "flow.dispatch"({{.*}}entry_points = [@scan0::@scan0]
// CHECK-COUNT-1: lstm.panels %K
// CHECK: "flow.dispatch"({{.*}}entry_points = [@scan1::@scan1]
// CHECK: func.return %y, %y1
func.func @static(%x: tensor<2x6x3xf32>, %K: tensor<3x5xf32>, %R: tensor<5x5xf32>, %h0: tensor<2x5xf32>) -> (tensor<2x5xf32>, tensor<2x5xf32>) {
  %y, %h = lstm.scan "a" input(%x : tensor<2x6x3xf32>) kernels(%K : tensor<3x5xf32>) recurrent_kernels(%R : tensor<5x5xf32>) init(%h0 : tensor<2x5xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "persistent"} -> tensor<2x5xf32>, tensor<2x5xf32> cell {
  ^cell(%z: vector<5xf32>, %hp: vector<5xf32>):
    lstm.yield %z : vector<5xf32>
  }
  %y1, %h1 = lstm.scan "b" input(%x : tensor<2x6x3xf32>) kernels(%K : tensor<3x5xf32>) recurrent_kernels(%R : tensor<5x5xf32>) init(%h0 : tensor<2x5xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "persistent"} -> tensor<2x5xf32>, tensor<2x5xf32> cell {
  ^cell(%z: vector<5xf32>, %hp: vector<5xf32>):
    lstm.yield %hp : vector<5xf32>
  }
  func.return %y, %y1 : tensor<2x5xf32>, tensor<2x5xf32>
}

// -----
// Left alone: scans of other forms. A module without a scan of this form gets no variable.
// CHECK-LABEL: func.func @others
// CHECK-COUNT-2: lstm.scan
// CHECK-NOT: workers
// CHECK: func.return
func.func @others(%x: tensor<2x6x3xf32>, %K: tensor<3x5xf32>, %R: tensor<5x5xf32>, %p: tensor<2x6x5xf32>, %h0: tensor<2x5xf32>) -> (tensor<2x5xf32>, tensor<2x5xf32>) {
  %y, %h = lstm.scan "kernel" input(%x : tensor<2x6x3xf32>) kernels(%K : tensor<3x5xf32>) recurrent_kernels(%R : tensor<5x5xf32>) init(%h0 : tensor<2x5xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "cooperative"} -> tensor<2x5xf32>, tensor<2x5xf32> cell {
  ^cell(%z: vector<5xf32>, %hp: vector<5xf32>):
    lstm.yield %z : vector<5xf32>
  }
  %y1, %h1 = lstm.scan "loop" input(%p : tensor<2x6x5xf32>) recurrent_kernels(%R : tensor<5x5xf32>) init(%h0 : tensor<2x5xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "loop"} -> tensor<2x5xf32>, tensor<2x5xf32> cell {
  ^cell(%z: vector<5xf32>, %hp: vector<5xf32>):
    lstm.yield %z : vector<5xf32>
  }
  func.return %y, %y1 : tensor<2x5xf32>, tensor<2x5xf32>
}
