// Double-precision functions that IREE would leave to a C library become arithmetic.
// RUN: %lstm-opt %s -p lstm-expand-math --split-input-file | %filecheck %s

// Range reduction, a polynomial, and 2^n in two halves.
func.func @exp(%x: f64) -> f64 {
  %y = math.exp %x : f64
  func.return %y : f64
}
// CHECK-LABEL: func.func @exp(%x: f64) -> f64 {
// CHECK-NEXT:    %0 = arith.constant -8.000000e+02 : f64
// CHECK-NEXT:    %1 = arith.maximumf %x, %0 : f64
// CHECK-NEXT:    %2 = arith.constant 8.000000e+02 : f64
// CHECK-NEXT:    %3 = arith.minimumf %1, %2 : f64
// CHECK-NEXT:    %4 = arith.constant 1.4426950408889634 : f64
// CHECK-NEXT:    %5 = arith.mulf %3, %4 : f64
// CHECK-NEXT:    %6 = math.roundeven %5 : f64
// CHECK-NEXT:    %7 = arith.constant 0.69314718036912382 : f64
// CHECK-NEXT:    %8 = arith.mulf %6, %7 : f64
// CHECK-NEXT:    %9 = arith.subf %3, %8 : f64
// CHECK-NEXT:    %10 = arith.constant 1.9082149292705877e-10 : f64
// CHECK-NEXT:    %11 = arith.mulf %6, %10 : f64
// CHECK-NEXT:    %12 = arith.subf %9, %11 : f64
// CHECK-NEXT:    %13 = arith.constant 1.6059043836821613e-10 : f64
// CHECK-NEXT:    %14 = arith.mulf %13, %12 : f64
// CHECK-NEXT:    %15 = arith.constant 2.08767569878681e-09 : f64
// CHECK-NEXT:    %16 = arith.addf %14, %15 : f64
// CHECK-NEXT:    %17 = arith.mulf %16, %12 : f64
// CHECK-NEXT:    %18 = arith.constant 2.505210838544172e-08 : f64
// CHECK-NEXT:    %19 = arith.addf %17, %18 : f64
// CHECK-NEXT:    %20 = arith.mulf %19, %12 : f64
// CHECK-NEXT:    %21 = arith.constant 2.7557319223985888e-07 : f64
// CHECK-NEXT:    %22 = arith.addf %20, %21 : f64
// CHECK-NEXT:    %23 = arith.mulf %22, %12 : f64
// CHECK-NEXT:    %24 = arith.constant 2.7557319223985893e-06 : f64
// CHECK-NEXT:    %25 = arith.addf %23, %24 : f64
// CHECK-NEXT:    %26 = arith.mulf %25, %12 : f64
// CHECK-NEXT:    %27 = arith.constant 2.4801587301587302e-05 : f64
// CHECK-NEXT:    %28 = arith.addf %26, %27 : f64
// CHECK-NEXT:    %29 = arith.mulf %28, %12 : f64
// CHECK-NEXT:    %30 = arith.constant 0.00019841269841269841 : f64
// CHECK-NEXT:    %31 = arith.addf %29, %30 : f64
// CHECK-NEXT:    %32 = arith.mulf %31, %12 : f64
// CHECK-NEXT:    %33 = arith.constant 0.0013888888888888889 : f64
// CHECK-NEXT:    %34 = arith.addf %32, %33 : f64
// CHECK-NEXT:    %35 = arith.mulf %34, %12 : f64
// CHECK-NEXT:    %36 = arith.constant 0.0083333333333333332 : f64
// CHECK-NEXT:    %37 = arith.addf %35, %36 : f64
// CHECK-NEXT:    %38 = arith.mulf %37, %12 : f64
// CHECK-NEXT:    %39 = arith.constant 0.041666666666666664 : f64
// CHECK-NEXT:    %40 = arith.addf %38, %39 : f64
// CHECK-NEXT:    %41 = arith.mulf %40, %12 : f64
// CHECK-NEXT:    %42 = arith.constant 0.16666666666666666 : f64
// CHECK-NEXT:    %43 = arith.addf %41, %42 : f64
// CHECK-NEXT:    %44 = arith.mulf %43, %12 : f64
// CHECK-NEXT:    %45 = arith.constant 5.000000e-01 : f64
// CHECK-NEXT:    %46 = arith.addf %44, %45 : f64
// CHECK-NEXT:    %47 = arith.mulf %46, %12 : f64
// CHECK-NEXT:    %48 = arith.constant 1.000000e+00 : f64
// CHECK-NEXT:    %49 = arith.addf %47, %48 : f64
// CHECK-NEXT:    %50 = arith.mulf %49, %12 : f64
// CHECK-NEXT:    %51 = arith.constant 1.000000e+00 : f64
// CHECK-NEXT:    %52 = arith.addf %50, %51 : f64
// CHECK-NEXT:    %53 = arith.cmpf ord, %6, %6 : f64
// CHECK-NEXT:    %54 = arith.constant 0.000000e+00 : f64
// CHECK-NEXT:    %55 = arith.select %53, %6, %54 : f64
// CHECK-NEXT:    %56 = arith.fptosi %55 : f64 to i64
// CHECK-NEXT:    %57 = arith.constant 1 : i64
// CHECK-NEXT:    %58 = arith.shrsi %56, %57 : i64
// CHECK-NEXT:    %59 = arith.subi %56, %58 : i64
// CHECK-NEXT:    %60 = arith.constant 1023 : i64
// CHECK-NEXT:    %61 = arith.addi %58, %60 : i64
// CHECK-NEXT:    %62 = arith.constant 52 : i64
// CHECK-NEXT:    %63 = arith.shli %61, %62 : i64
// CHECK-NEXT:    %64 = arith.bitcast %63 : i64 to f64
// CHECK-NEXT:    %65 = arith.mulf %52, %64 : f64
// CHECK-NEXT:    %66 = arith.constant 1023 : i64
// CHECK-NEXT:    %67 = arith.addi %59, %66 : i64
// CHECK-NEXT:    %68 = arith.constant 52 : i64
// CHECK-NEXT:    %69 = arith.shli %67, %68 : i64
// CHECK-NEXT:    %70 = arith.bitcast %69 : i64 to f64
// CHECK-NEXT:    %y = arith.mulf %65, %70 : f64
// CHECK-NEXT:    func.return %y : f64
// CHECK-NEXT:  }

// -----
func.func @expm1(%x: f64) -> f64 {
  %y = math.expm1 %x : f64
  func.return %y : f64
}
// CHECK-LABEL: func.func @expm1
// CHECK-NOT:   math.{{exp|expm1|log|log1p|tanh|erf}} 
// CHECK:       func.return {{%\S+}} : f64

// -----
func.func @log(%x: f64) -> f64 {
  %y = math.log %x : f64
  func.return %y : f64
}
// CHECK-LABEL: func.func @log
// CHECK-NOT:   math.{{exp|expm1|log|log1p|tanh|erf}} 
// CHECK:       func.return {{%\S+}} : f64

// -----
func.func @log1p(%x: f64) -> f64 {
  %y = math.log1p %x : f64
  func.return %y : f64
}
// CHECK-LABEL: func.func @log1p
// CHECK-NOT:   math.{{exp|expm1|log|log1p|tanh|erf}} 
// CHECK:       func.return {{%\S+}} : f64

// -----
func.func @tanh(%x: f64) -> f64 {
  %y = math.tanh %x : f64
  func.return %y : f64
}
// CHECK-LABEL: func.func @tanh
// CHECK-NOT:   math.{{exp|expm1|log|log1p|tanh|erf}} 
// CHECK:       math.copysign 
// CHECK:       func.return {{%\S+}} : f64

// -----
func.func @erf(%x: f64) -> f64 {
  %y = math.erf %x : f64
  func.return %y : f64
}
// CHECK-LABEL: func.func @erf
// CHECK-NOT:   math.{{exp|expm1|log|log1p|tanh|erf}} 
// CHECK:       math.copysign 
// CHECK:       func.return {{%\S+}} : f64

// -----
// Declined: IREE has its own approximations for f32.
func.func @exp_f32(%x: f32) -> f32 {
  %y = math.exp %x : f32
  func.return %y : f32
}
// CHECK-LABEL: func.func @exp_f32(%x: f32) -> f32 {
// CHECK-NEXT:    %y = math.exp %x : f32
// CHECK-NEXT:    func.return %y : f32
// CHECK-NEXT:  }

// -----
// Declined: vectors, which the lowering of a scan takes apart.
func.func @vector(%x: vector<4xf64>) -> vector<4xf64> {
  %y = math.exp %x : vector<4xf64>
  func.return %y : vector<4xf64>
}
// CHECK-LABEL: func.func @vector(%x: vector<4xf64>) -> vector<4xf64> {
// CHECK-NEXT:    %y = math.exp %x : vector<4xf64>
// CHECK-NEXT:    func.return %y : vector<4xf64>
// CHECK-NEXT:  }

// -----
// Declined: functions that need no C library.
func.func @sqrt(%x: f64) -> f64 {
  %y = math.sqrt %x : f64
  func.return %y : f64
}
// CHECK-LABEL: func.func @sqrt(%x: f64) -> f64 {
// CHECK-NEXT:    %y = math.sqrt %x : f64
// CHECK-NEXT:    func.return %y : f64
// CHECK-NEXT:  }
