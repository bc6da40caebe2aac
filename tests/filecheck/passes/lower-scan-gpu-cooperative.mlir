// A scan whose workgroups share the units of every step on a GPU: h goes through words of global memory.
// RUN: %lstm-opt %s -p "lstm-lower-scan-gpu{threads=256 memory=16384 multiprocessors=8}" | %filecheck %s
// RUN: %lstm-opt %s -p "lstm-lower-scan-gpu{threads=256 memory=16384 multiprocessors=8 pointers=true}" | %filecheck %s --check-prefix=POINTERS
// RUN: %lstm-opt %s -p "lstm-lower-scan-gpu{threads=256 memory=16384 multiprocessors=8 tensor-cores=f16 pointers=true}" | %filecheck %s --check-prefix=TENSOR
// RUN: %lstm-opt %s -p "lstm-lower-scan-gpu{threads=256 memory=64 multiprocessors=8}" --verify-diagnostics | %filecheck %s --check-prefix=MEMORY

// MEMORY: {{^}}lstm-lower-scan-gpu: scan 'lstm': the recurrent weights of 32 units on 8 workgroups, 1024 bytes each, and their h do not fit into 64 bytes of workgroup memory
func.func @call(%p: tensor<?x?x128xf16>, %h0: tensor<?x32xf16>, %c0: tensor<?x32xf16>) -> tensor<?x?x32xf16> {
  %R = lstm.weight "lstm/recurrent_kernel" : tensor<32x128xf16>
  %y, %h, %c = lstm.scan "lstm" input(%p : tensor<?x?x128xf16>) recurrent_kernels(%R : tensor<32x128xf16>) init(%h0, %c0 : tensor<?x32xf16>, tensor<?x32xf16>) {input_map = affine_map<(k, b)[T] -> (b, k)>, output_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "cooperative"} -> tensor<?x?x32xf16>, tensor<?x32xf16>, tensor<?x32xf16> cell {
  ^cell(%i: vector<32xf32>, %f: vector<32xf32>, %g: vector<32xf32>, %o: vector<32xf32>, %hp: vector<32xf32>, %cp: vector<32xf32>):
    %c1 = arith.mulf %i, %cp : vector<32xf32>
    lstm.yield %o, %c1 : vector<32xf32>, vector<32xf32>
  }
  func.return %y : tensor<?x?x32xf16>
}
// Eight workgroups, one for four units of all rows, which all run the same kernel.
// CHECK:        func.func @scan0({{.*}} attributes {translation_info = {{.*}} workgroup_size = [32, 1, 1]>} {
// CHECK-NOT:      lstm.
// The census: who draws the first number closes it, and says how many there are.
// CHECK:          scf.if
// CHECK:            "memref.atomic_rmw"({{.*}}) <{kind = 1 : i64}>
// CHECK:          "gpu.barrier"
// CHECK:          scf.if
// CHECK:            scf.while
// CHECK:              "memref.atomic_rmw"({{.*}}) <{kind = 14 : i64}>
// CHECK:            "memref.atomic_rmw"({{.*}}) <{kind = 14 : i64}>
// CHECK:            "memref.atomic_rmw"({{.*}}) <{kind = 1 : i64}>
// CHECK:          scf.while
// Those that take part begin: weights that stay are read before the loop over time.
// CHECK:          scf.if
// CHECK:            scf.if
// CHECK:              memref.load {{.*}} : memref<4096xf16, strided<[1], offset: ?>>
// CHECK:              "gpu.barrier"
// A step of a tile of rows: h is looked for, multiplied, and the sums meet.
// CHECK:              scf.for
// CHECK:                scf.while
// CHECK:                  "memref.atomic_rmw"({{.*}}) <{kind = 14 : i64}>
// CHECK:                  arith.xori
// CHECK:                "gpu.barrier"
// CHECK:                math.fma
// CHECK:                "gpu.barrier"
// CHECK:                "gpu.barrier"
// The word of an h, in two changes: nobody finds a tag between them.
// CHECK:                "memref.atomic_rmw"({{.*}}) <{kind = 2 : i64}>
// CHECK:                "memref.atomic_rmw"({{.*}}) <{kind = 14 : i64}>
// CHECK:                "gpu.barrier"
// CHECK:            } else {
// CHECK:      func.func @call(
// CHECK:        lstm.panels %R {gates = 4 : i64} : tensor<32x128xf16> -> tensor<8x1x32x4x4xf16>
// CHECK:        linalg.fill {{.*}} tensor<?xi32>
// CHECK:        "flow.dispatch"({{.*}}entry_points = [@scan0::@scan0]

// POINTERS:     scf.while
// POINTERS:       llvm.load {{.*}} atomic monotonic {{.*}} : !llvm.ptr<1> -> i32
// POINTERS-NOT:   "memref.atomic_rmw"({{.*}}) <{kind = 2 : i64}>
// POINTERS:       llvm.store {{.*}} {alignment = 4 : i64} : i32, !llvm.ptr<1>

// Sixteen rows at once, in matrices of f16 and f32.
// TENSOR:       func.func @scan0({{.*}} workgroup_size = [64, 1, 1]>} {
// TENSOR:         memref.alloc() {alignment = 32 : i64} : memref<640xf16, #gpu.address_space<workgroup>>
// TENSOR:         llvm.call_intrinsic "llvm.nvvm.wmma.m16n16k16.load.b.row.stride.f16.p1"({{.*}}) : (!llvm.ptr<1>, i32)
// TENSOR:         llvm.call_intrinsic "llvm.nvvm.wmma.m16n16k16.load.a.row.stride.f16.p3"({{.*}}) : (!llvm.ptr<3>, i32)
// TENSOR:         llvm.call_intrinsic "llvm.nvvm.wmma.m16n16k16.mma.row.row.f32.f32"
// TENSOR:         llvm.call_intrinsic "llvm.nvvm.wmma.m16n16k16.store.d.row.stride.f32.p3"
