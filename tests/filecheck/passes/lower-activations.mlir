// Activations of floats and gate vectors become their formulas.
// RUN: %lstm-opt %s -p lstm-lower-activations --split-input-file | %filecheck %s

// Every activation, element by element.
func.func @linear(%x: f32) -> f32 {
  %y = lstm.activate <linear> %x : f32
  func.return %y : f32
}
// CHECK-LABEL: func.func @linear(%x: f32) -> f32 {
// CHECK-NEXT:    func.return %x : f32
// CHECK-NEXT:  }

// -----
func.func @tanh(%x: f32) -> f32 {
  %y = lstm.activate <tanh> %x : f32
  func.return %y : f32
}
// CHECK-LABEL: func.func @tanh(%x: f32) -> f32 {
// CHECK-NEXT:    %y = math.tanh %x : f32
// CHECK-NEXT:    func.return %y : f32
// CHECK-NEXT:  }

// -----
func.func @sigmoid(%x: f32) -> f32 {
  %y = lstm.activate <sigmoid> %x : f32
  func.return %y : f32
}
// CHECK-LABEL: func.func @sigmoid(%x: f32) -> f32 {
// CHECK-NEXT:    %0 = arith.negf %x : f32
// CHECK-NEXT:    %1 = math.exp %0 : f32
// CHECK-NEXT:    %2 = arith.constant 1.000000e+00 : f32
// CHECK-NEXT:    %3 = arith.addf %1, %2 : f32
// CHECK-NEXT:    %4 = arith.constant 1.000000e+00 : f32
// CHECK-NEXT:    %y = arith.divf %4, %3 : f32
// CHECK-NEXT:    func.return %y : f32
// CHECK-NEXT:  }

// -----
// clip(0.2 x + 0.5, 0, 1), as in Keras 1 and 2.
func.func @hard_sigmoid(%x: f32) -> f32 {
  %y = lstm.activate <hard_sigmoid> %x : f32
  func.return %y : f32
}
// CHECK-LABEL: func.func @hard_sigmoid(%x: f32) -> f32 {
// CHECK-NEXT:    %0 = arith.constant 2.000000e-01 : f32
// CHECK-NEXT:    %1 = arith.mulf %0, %x : f32
// CHECK-NEXT:    %2 = arith.constant 5.000000e-01 : f32
// CHECK-NEXT:    %3 = arith.addf %1, %2 : f32
// CHECK-NEXT:    %4 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %5 = arith.maximumf %3, %4 : f32
// CHECK-NEXT:    %6 = arith.constant 1.000000e+00 : f32
// CHECK-NEXT:    %y = arith.minimumf %5, %6 : f32
// CHECK-NEXT:    func.return %y : f32
// CHECK-NEXT:  }

// -----
// relu6(x + 3) / 6, as x / 6 + 0.5.
func.func @hard_sigmoid_keras3(%x: f32) -> f32 {
  %y = lstm.activate <hard_sigmoid_keras3> %x : f32
  func.return %y : f32
}
// CHECK-LABEL: func.func @hard_sigmoid_keras3(%x: f32) -> f32 {
// CHECK-NEXT:    %0 = arith.constant 6.000000e+00 : f32
// CHECK-NEXT:    %1 = arith.divf %x, %0 : f32
// CHECK-NEXT:    %2 = arith.constant 5.000000e-01 : f32
// CHECK-NEXT:    %3 = arith.addf %1, %2 : f32
// CHECK-NEXT:    %4 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %5 = arith.maximumf %3, %4 : f32
// CHECK-NEXT:    %6 = arith.constant 1.000000e+00 : f32
// CHECK-NEXT:    %y = arith.minimumf %5, %6 : f32
// CHECK-NEXT:    func.return %y : f32
// CHECK-NEXT:  }

// -----
func.func @relu(%x: f32) -> f32 {
  %y = lstm.activate <relu> %x : f32
  func.return %y : f32
}
// CHECK-LABEL: func.func @relu(%x: f32) -> f32 {
// CHECK-NEXT:    %0 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %y = arith.maximumf %x, %0 : f32
// CHECK-NEXT:    func.return %y : f32
// CHECK-NEXT:  }

// -----
func.func @relu6(%x: f32) -> f32 {
  %y = lstm.activate <relu6> %x : f32
  func.return %y : f32
}
// CHECK-LABEL: func.func @relu6(%x: f32) -> f32 {
// CHECK-NEXT:    %0 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %1 = arith.maximumf %x, %0 : f32
// CHECK-NEXT:    %2 = arith.constant 6.000000e+00 : f32
// CHECK-NEXT:    %y = arith.minimumf %1, %2 : f32
// CHECK-NEXT:    func.return %y : f32
// CHECK-NEXT:  }

// -----
func.func @softsign(%x: f32) -> f32 {
  %y = lstm.activate <softsign> %x : f32
  func.return %y : f32
}
// CHECK-LABEL: func.func @softsign(%x: f32) -> f32 {
// CHECK-NEXT:    %0 = math.absf %x : f32
// CHECK-NEXT:    %1 = arith.constant 1.000000e+00 : f32
// CHECK-NEXT:    %2 = arith.addf %0, %1 : f32
// CHECK-NEXT:    %y = arith.divf %x, %2 : f32
// CHECK-NEXT:    func.return %y : f32
// CHECK-NEXT:  }

// -----
// max(x, 0) + log(1 + e^-|x|) does not overflow.
func.func @softplus(%x: f32) -> f32 {
  %y = lstm.activate <softplus> %x : f32
  func.return %y : f32
}
// CHECK-LABEL: func.func @softplus(%x: f32) -> f32 {
// CHECK-NEXT:    %0 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %1 = arith.maximumf %x, %0 : f32
// CHECK-NEXT:    %2 = math.absf %x : f32
// CHECK-NEXT:    %3 = arith.negf %2 : f32
// CHECK-NEXT:    %4 = math.exp %3 : f32
// CHECK-NEXT:    %5 = math.log1p %4 : f32
// CHECK-NEXT:    %y = arith.addf %1, %5 : f32
// CHECK-NEXT:    func.return %y : f32
// CHECK-NEXT:  }

// -----
// e^x is taken of min(x, 0), so that the branch not taken does not overflow.
func.func @elu(%x: f32) -> f32 {
  %y = lstm.activate <elu> %x : f32
  func.return %y : f32
}
// CHECK-LABEL: func.func @elu(%x: f32) -> f32 {
// CHECK-NEXT:    %0 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %1 = arith.minimumf %x, %0 : f32
// CHECK-NEXT:    %2 = math.expm1 %1 : f32
// CHECK-NEXT:    %3 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %4 = arith.cmpf ogt, %x, %3 : f32
// CHECK-NEXT:    %y = arith.select %4, %x, %2 : f32
// CHECK-NEXT:    func.return %y : f32
// CHECK-NEXT:  }

// -----
func.func @selu(%x: f32) -> f32 {
  %y = lstm.activate <selu> %x : f32
  func.return %y : f32
}
// CHECK-LABEL: func.func @selu(%x: f32) -> f32 {
// CHECK-NEXT:    %0 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %1 = arith.minimumf %x, %0 : f32
// CHECK-NEXT:    %2 = math.expm1 %1 : f32
// CHECK-NEXT:    %3 = arith.constant 1.67326319 : f32
// CHECK-NEXT:    %4 = arith.mulf %3, %2 : f32
// CHECK-NEXT:    %5 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %6 = arith.cmpf ogt, %x, %5 : f32
// CHECK-NEXT:    %7 = arith.select %6, %x, %4 : f32
// CHECK-NEXT:    %8 = arith.constant 1.05070102 : f32
// CHECK-NEXT:    %y = arith.mulf %8, %7 : f32
// CHECK-NEXT:    func.return %y : f32
// CHECK-NEXT:  }

// -----
func.func @swish(%x: f32) -> f32 {
  %y = lstm.activate <swish> %x : f32
  func.return %y : f32
}
// CHECK-LABEL: func.func @swish(%x: f32) -> f32 {
// CHECK-NEXT:    %0 = arith.negf %x : f32
// CHECK-NEXT:    %1 = math.exp %0 : f32
// CHECK-NEXT:    %2 = arith.constant 1.000000e+00 : f32
// CHECK-NEXT:    %3 = arith.addf %1, %2 : f32
// CHECK-NEXT:    %4 = arith.constant 1.000000e+00 : f32
// CHECK-NEXT:    %5 = arith.divf %4, %3 : f32
// CHECK-NEXT:    %y = arith.mulf %x, %5 : f32
// CHECK-NEXT:    func.return %y : f32
// CHECK-NEXT:  }

// -----
// 1/sqrt(2) is rounded to f32, in every type.
func.func @gelu(%x: f32) -> f32 {
  %y = lstm.activate <gelu> %x : f32
  func.return %y : f32
}
// CHECK-LABEL: func.func @gelu(%x: f32) -> f32 {
// CHECK-NEXT:    %0 = arith.constant 5.000000e-01 : f32
// CHECK-NEXT:    %1 = arith.mulf %0, %x : f32
// CHECK-NEXT:    %2 = arith.constant 0.707106769 : f32
// CHECK-NEXT:    %3 = arith.mulf %x, %2 : f32
// CHECK-NEXT:    %4 = math.erf %3 : f32
// CHECK-NEXT:    %5 = arith.constant 1.000000e+00 : f32
// CHECK-NEXT:    %6 = arith.addf %5, %4 : f32
// CHECK-NEXT:    %y = arith.mulf %1, %6 : f32
// CHECK-NEXT:    func.return %y : f32
// CHECK-NEXT:  }

// -----
func.func @gelu_tanh(%x: f32) -> f32 {
  %y = lstm.activate <gelu_tanh> %x : f32
  func.return %y : f32
}
// CHECK-LABEL: func.func @gelu_tanh(%x: f32) -> f32 {
// CHECK-NEXT:    %0 = arith.mulf %x, %x : f32
// CHECK-NEXT:    %1 = arith.mulf %x, %0 : f32
// CHECK-NEXT:    %2 = arith.constant 4.471500e-02 : f32
// CHECK-NEXT:    %3 = arith.mulf %2, %1 : f32
// CHECK-NEXT:    %4 = arith.addf %x, %3 : f32
// CHECK-NEXT:    %5 = arith.constant 0.797884583 : f32
// CHECK-NEXT:    %6 = arith.mulf %5, %4 : f32
// CHECK-NEXT:    %7 = arith.constant 5.000000e-01 : f32
// CHECK-NEXT:    %8 = arith.mulf %7, %x : f32
// CHECK-NEXT:    %9 = math.tanh %6 : f32
// CHECK-NEXT:    %10 = arith.constant 1.000000e+00 : f32
// CHECK-NEXT:    %11 = arith.addf %10, %9 : f32
// CHECK-NEXT:    %y = arith.mulf %8, %11 : f32
// CHECK-NEXT:    func.return %y : f32
// CHECK-NEXT:  }

// -----
func.func @exponential(%x: f32) -> f32 {
  %y = lstm.activate <exponential> %x : f32
  func.return %y : f32
}
// CHECK-LABEL: func.func @exponential(%x: f32) -> f32 {
// CHECK-NEXT:    %y = math.exp %x : f32
// CHECK-NEXT:    func.return %y : f32
// CHECK-NEXT:  }

// -----
func.func @mish(%x: f32) -> f32 {
  %y = lstm.activate <mish> %x : f32
  func.return %y : f32
}
// CHECK-LABEL: func.func @mish(%x: f32) -> f32 {
// CHECK-NEXT:    %0 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %1 = arith.maximumf %x, %0 : f32
// CHECK-NEXT:    %2 = math.absf %x : f32
// CHECK-NEXT:    %3 = arith.negf %2 : f32
// CHECK-NEXT:    %4 = math.exp %3 : f32
// CHECK-NEXT:    %5 = math.log1p %4 : f32
// CHECK-NEXT:    %6 = arith.addf %1, %5 : f32
// CHECK-NEXT:    %7 = math.tanh %6 : f32
// CHECK-NEXT:    %y = arith.mulf %x, %7 : f32
// CHECK-NEXT:    func.return %y : f32
// CHECK-NEXT:  }

// -----
func.func @leaky_relu(%x: f32) -> f32 {
  %y = lstm.activate <leaky_relu> %x : f32
  func.return %y : f32
}
// CHECK-LABEL: func.func @leaky_relu(%x: f32) -> f32 {
// CHECK-NEXT:    %0 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %1 = arith.cmpf oge, %x, %0 : f32
// CHECK-NEXT:    %2 = arith.constant 2.000000e-01 : f32
// CHECK-NEXT:    %3 = arith.mulf %2, %x : f32
// CHECK-NEXT:    %y = arith.select %1, %x, %3 : f32
// CHECK-NEXT:    func.return %y : f32
// CHECK-NEXT:  }

// -----
// Parameters other than the default.
func.func @elu_alpha(%x: f64) -> f64 {
  %y = lstm.activate <elu, 0.5> %x : f64
  func.return %y : f64
}
// CHECK-LABEL: func.func @elu_alpha(%x: f64) -> f64 {
// CHECK-NEXT:    %0 = arith.constant 0.000000e+00 : f64
// CHECK-NEXT:    %1 = arith.minimumf %x, %0 : f64
// CHECK-NEXT:    %2 = math.expm1 %1 : f64
// CHECK-NEXT:    %3 = arith.constant 5.000000e-01 : f64
// CHECK-NEXT:    %4 = arith.mulf %3, %2 : f64
// CHECK-NEXT:    %5 = arith.constant 0.000000e+00 : f64
// CHECK-NEXT:    %6 = arith.cmpf ogt, %x, %5 : f64
// CHECK-NEXT:    %y = arith.select %6, %x, %4 : f64
// CHECK-NEXT:    func.return %y : f64
// CHECK-NEXT:  }

// -----
func.func @leaky_relu_alpha(%x: f64) -> f64 {
  %y = lstm.activate <leaky_relu, 0.3> %x : f64
  func.return %y : f64
}
// CHECK-LABEL: func.func @leaky_relu_alpha(%x: f64) -> f64 {
// CHECK-NEXT:    %0 = arith.constant 0.000000e+00 : f64
// CHECK-NEXT:    %1 = arith.cmpf oge, %x, %0 : f64
// CHECK-NEXT:    %2 = arith.constant 3.000000e-01 : f64
// CHECK-NEXT:    %3 = arith.mulf %2, %x : f64
// CHECK-NEXT:    %y = arith.select %1, %x, %3 : f64
// CHECK-NEXT:    func.return %y : f64
// CHECK-NEXT:  }

// -----
func.func @gelu_f64(%x: f64) -> f64 {
  %y = lstm.activate <gelu> %x : f64
  func.return %y : f64
}
// CHECK-LABEL: func.func @gelu_f64(%x: f64) -> f64 {
// CHECK-NEXT:    %0 = arith.constant 5.000000e-01 : f64
// CHECK-NEXT:    %1 = arith.mulf %0, %x : f64
// CHECK-NEXT:    %2 = arith.constant 0.70710676908493042 : f64
// CHECK-NEXT:    %3 = arith.mulf %x, %2 : f64
// CHECK-NEXT:    %4 = math.erf %3 : f64
// CHECK-NEXT:    %5 = arith.constant 1.000000e+00 : f64
// CHECK-NEXT:    %6 = arith.addf %5, %4 : f64
// CHECK-NEXT:    %y = arith.mulf %1, %6 : f64
// CHECK-NEXT:    func.return %y : f64
// CHECK-NEXT:  }

// -----
// The constant of leaky_relu is the one of f32.
func.func @leaky_relu_f64(%x: f64) -> f64 {
  %y = lstm.activate <leaky_relu> %x : f64
  func.return %y : f64
}
// CHECK-LABEL: func.func @leaky_relu_f64(%x: f64) -> f64 {
// CHECK-NEXT:    %0 = arith.constant 0.000000e+00 : f64
// CHECK-NEXT:    %1 = arith.cmpf oge, %x, %0 : f64
// CHECK-NEXT:    %2 = arith.constant 0.20000000298023224 : f64
// CHECK-NEXT:    %3 = arith.mulf %2, %x : f64
// CHECK-NEXT:    %y = arith.select %1, %x, %3 : f64
// CHECK-NEXT:    func.return %y : f64
// CHECK-NEXT:  }

// -----
// Gate vectors alike.
func.func @vector(%x: vector<4xf32>) -> vector<4xf32> {
  %y = lstm.activate <hard_sigmoid> %x : vector<4xf32>
  func.return %y : vector<4xf32>
}
// CHECK-LABEL: func.func @vector(%x: vector<4xf32>) -> vector<4xf32> {
// CHECK-NEXT:    %0 = arith.constant dense<2.000000e-01> : vector<4xf32>
// CHECK-NEXT:    %1 = arith.mulf %0, %x : vector<4xf32>
// CHECK-NEXT:    %2 = arith.constant dense<5.000000e-01> : vector<4xf32>
// CHECK-NEXT:    %3 = arith.addf %1, %2 : vector<4xf32>
// CHECK-NEXT:    %4 = arith.constant dense<0.000000e+00> : vector<4xf32>
// CHECK-NEXT:    %5 = arith.maximumf %3, %4 : vector<4xf32>
// CHECK-NEXT:    %6 = arith.constant dense<1.000000e+00> : vector<4xf32>
// CHECK-NEXT:    %y = arith.minimumf %5, %6 : vector<4xf32>
// CHECK-NEXT:    func.return %y : vector<4xf32>
// CHECK-NEXT:  }

// -----
// Declined: a function of a whole row is left to the lowering of the scan.
func.func @row(%x: vector<4xf32>) -> vector<4xf32> {
  %y = lstm.activate <softmax> %x : vector<4xf32>
  func.return %y : vector<4xf32>
}
// CHECK-LABEL: func.func @row(%x: vector<4xf32>) -> vector<4xf32> {
// CHECK-NEXT:    %y = lstm.activate <softmax> %x : vector<4xf32>
// CHECK-NEXT:    func.return %y : vector<4xf32>
// CHECK-NEXT:  }

// -----
// Declined: tensors are left to lstm-lower-layers.
func.func @tensor(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = lstm.activate <tanh> %x : tensor<4xf32>
  func.return %y : tensor<4xf32>
}
// CHECK-LABEL: func.func @tensor(%x: tensor<4xf32>) -> tensor<4xf32> {
// CHECK-NEXT:    %y = lstm.activate <tanh> %x : tensor<4xf32>
// CHECK-NEXT:    func.return %y : tensor<4xf32>
// CHECK-NEXT:  }
