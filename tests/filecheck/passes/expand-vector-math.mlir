// Functions of vectors of f32 become arithmetic of our own.
// RUN: %lstm-opt %s -p lstm-expand-vector-math --split-input-file | %filecheck %s
// RUN: %lstm-opt %s -p "lstm-expand-vector-math{fma=false}" --split-input-file | %filecheck %s --check-prefix=NOFMA

// A bound, and a quotient of polynomials in the square.
func.func @tanh(%x: vector<8xf32>) -> vector<8xf32> {
  %y = math.tanh %x : vector<8xf32>
  func.return %y : vector<8xf32>
}
// CHECK-LABEL: func.func @tanh(%x: vector<8xf32>) -> vector<8xf32> {
// CHECK:         arith.maximumf %x, %{{.*}} : vector<8xf32>
// CHECK:         arith.minimumf %{{.*}}, %{{.*}} : vector<8xf32>
// CHECK-COUNT-7: math.fma %{{.*}}, %{{.*}}, %{{.*}} : vector<8xf32>
// CHECK:         %y = arith.divf %{{.*}}, %{{.*}} : vector<8xf32>
// CHECK-NEXT:    func.return %y : vector<8xf32>

// Without a fused multiply-add math.fma would call a C library.
// NOFMA-LABEL: func.func @tanh(%x: vector<8xf32>) -> vector<8xf32> {
// NOFMA-NOT:   math.
// NOFMA:       %y = arith.divf %{{.*}}, %{{.*}} : vector<8xf32>

// -----
// The sigmoid's formula is one function, and nothing is left of it; the power of two is made of bits.
func.func @sigmoid(%x: vector<4xf32>) -> vector<4xf32> {
  %one = arith.constant dense<1.0> : vector<4xf32>
  %n = arith.negf %x : vector<4xf32>
  %e = math.exp %n : vector<4xf32>
  %d = arith.addf %e, %one : vector<4xf32>
  %y = arith.divf %one, %d : vector<4xf32>
  func.return %y : vector<4xf32>
}
// CHECK-LABEL: func.func @sigmoid
// CHECK-NOT:   arith.negf
// CHECK-NOT:   math.exp
// CHECK:       arith.bitcast %{{.*}} : vector<4xf32> to vector<4xi32>
// CHECK:       arith.shli %{{.*}}, %{{.*}} : vector<4xi32>
// CHECK:       arith.bitcast %{{.*}} : vector<4xi32> to vector<4xf32>
// CHECK:       %y = arith.divf %{{.*}}, %{{.*}} : vector<4xf32>
// CHECK-NEXT:  func.return %y : vector<4xf32>

// -----
// An exponential that something else uses stays, as arithmetic of its own.
func.func @shared(%x: vector<4xf32>) -> (vector<4xf32>, vector<4xf32>) {
  %one = arith.constant dense<1.0> : vector<4xf32>
  %n = arith.negf %x : vector<4xf32>
  %e = math.exp %n : vector<4xf32>
  %d = arith.addf %e, %one : vector<4xf32>
  %y = arith.divf %one, %d : vector<4xf32>
  func.return %y, %e : vector<4xf32>, vector<4xf32>
}
// CHECK-LABEL: func.func @shared
// CHECK:       arith.negf %x : vector<4xf32>
// CHECK-NOT:   math.exp
// CHECK:       %e = arith.mulf
// CHECK:       %y = arith.divf
// CHECK-NEXT:  func.return %y, %e : vector<4xf32>, vector<4xf32>

// -----
// Not the logistic function: 1 / (2 + e^-x).
func.func @not_sigmoid(%x: vector<4xf32>) -> vector<4xf32> {
  %one = arith.constant dense<1.0> : vector<4xf32>
  %two = arith.constant dense<2.0> : vector<4xf32>
  %n = arith.negf %x : vector<4xf32>
  %e = math.exp %n : vector<4xf32>
  %d = arith.addf %e, %two : vector<4xf32>
  %y = arith.divf %one, %d : vector<4xf32>
  func.return %y : vector<4xf32>
}
// CHECK-LABEL: func.func @not_sigmoid
// CHECK:       %e = arith.mulf
// CHECK-NEXT:  %d = arith.addf %e, %two : vector<4xf32>
// CHECK-NEXT:  %y = arith.divf %one, %d : vector<4xf32>

// -----
// The others, in a region, at the widest vectors.
func.func @others(%x: vector<16xf32>, %low: index, %high: index) -> vector<16xf32> {
  %y = scf.for %i = %low to %high step %low iter_args(%a = %x) -> (vector<16xf32>) {
    %b = math.expm1 %a : vector<16xf32>
    %c = math.log %b : vector<16xf32>
    %d = math.log1p %c : vector<16xf32>
    %e = math.erf %d : vector<16xf32>
    scf.yield %e : vector<16xf32>
  }
  func.return %y : vector<16xf32>
}
// CHECK-LABEL: func.func @others
// CHECK-NOT:   math.{{expm1|log|log1p|erf}} 
// CHECK:       scf.yield %e : vector<16xf32>

// -----
// Declined: single floats and other element types.
func.func @declined(%x: f32, %v: vector<4xf64>) -> (f32, vector<4xf64>) {
  %y = math.exp %x : f32
  %w = math.tanh %v : vector<4xf64>
  func.return %y, %w : f32, vector<4xf64>
}
// CHECK-LABEL: func.func @declined(%x: f32, %v: vector<4xf64>) -> (f32, vector<4xf64>) {
// CHECK-NEXT:    %y = math.exp %x : f32
// CHECK-NEXT:    %w = math.tanh %v : vector<4xf64>
// CHECK-NEXT:    func.return %y, %w : f32, vector<4xf64>
