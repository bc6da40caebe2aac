// Everything that stands beside the scans becomes linalg and tensor code.
// RUN: %lstm-opt %s -p lstm-lower-layers --split-input-file | %filecheck %s

// One product over all rows, then the bias; the leading axes come back.
func.func @project(%x: tensor<?x5x3xf32>, %K: tensor<3x8xf32>, %b: tensor<8xf32>) -> tensor<?x5x8xf32> {
  %p = lstm.project %x : tensor<?x5x3xf32> kernel(%K : tensor<3x8xf32>) bias(%b : tensor<8xf32>) -> tensor<?x5x8xf32>
  func.return %p : tensor<?x5x8xf32>
}
// CHECK-LABEL: func.func @project(%x: tensor<?x5x3xf32>, %K: tensor<3x8xf32>, %b: tensor<8xf32>) -> tensor<?x5x8xf32> {
// CHECK-NEXT:    %0 = arith.constant 0 : index
// CHECK-NEXT:    %1 = tensor.dim %x, %0 : tensor<?x5x3xf32>
// CHECK-NEXT:    %2 = tensor.collapse_shape %x {{\[\[}}0 : i64, 1 : i64], [2 : i64]] : tensor<?x5x3xf32> into tensor<?x3xf32>
// CHECK-NEXT:    %3 = arith.constant 0 : index
// CHECK-NEXT:    %4 = tensor.dim %2, %3 : tensor<?x3xf32>
// CHECK-NEXT:    %5 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %6 = tensor.empty(%4) : tensor<?x8xf32>
// CHECK-NEXT:    %7 = linalg.fill ins(%5 : f32) outs(%6 : tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK-NEXT:    %8 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%2, %K : tensor<?x3xf32>, tensor<3x8xf32>) outs(%7 : tensor<?x8xf32>) {
// CHECK-NEXT:    ^bb0(%9: f32, %10: f32, %11: f32):
// CHECK-NEXT:      %12 = arith.mulf %9, %10 : f32
// CHECK-NEXT:      %13 = arith.addf %11, %12 : f32
// CHECK-NEXT:      linalg.yield %13 : f32
// CHECK-NEXT:    } -> tensor<?x8xf32>
// CHECK-NEXT:    %14 = arith.constant 0 : index
// CHECK-NEXT:    %15 = tensor.dim %8, %14 : tensor<?x8xf32>
// CHECK-NEXT:    %16 = tensor.empty(%15) : tensor<?x8xf32>
// CHECK-NEXT:    %17 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%8, %b : tensor<?x8xf32>, tensor<8xf32>) outs(%16 : tensor<?x8xf32>) {
// CHECK-NEXT:    ^bb0(%18: f32, %19: f32, %20: f32):
// CHECK-NEXT:      %21 = arith.addf %18, %19 : f32
// CHECK-NEXT:      linalg.yield %21 : f32
// CHECK-NEXT:    } -> tensor<?x8xf32>
// CHECK-NEXT:    %p = tensor.expand_shape %17 {{\[\[}}0 : i64, 1 : i64], [2 : i64]] output_shape [%1, 5, 8] : tensor<?x8xf32> into tensor<?x5x8xf32>
// CHECK-NEXT:    func.return %p : tensor<?x5x8xf32>
// CHECK-NEXT:  }

// -----
// Half types are multiplied and summed in f32, and rounded once, at the end.
func.func @half(%x: tensor<?x3xbf16>, %K: tensor<3x8xbf16>) -> tensor<?x8xbf16> {
  %p = lstm.dense %x : tensor<?x3xbf16> kernel(%K : tensor<3x8xbf16>) -> tensor<?x8xbf16>
  func.return %p : tensor<?x8xbf16>
}
// CHECK-LABEL: func.func @half(%x: tensor<?x3xbf16>, %K: tensor<3x8xbf16>) -> tensor<?x8xbf16> {
// CHECK-NEXT:    %0 = arith.constant 0 : index
// CHECK-NEXT:    %1 = tensor.dim %x, %0 : tensor<?x3xbf16>
// CHECK-NEXT:    %2 = arith.constant 0 : index
// CHECK-NEXT:    %3 = tensor.dim %x, %2 : tensor<?x3xbf16>
// CHECK-NEXT:    %4 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %5 = tensor.empty(%3) : tensor<?x8xf32>
// CHECK-NEXT:    %6 = linalg.fill ins(%4 : f32) outs(%5 : tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK-NEXT:    %7 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %K : tensor<?x3xbf16>, tensor<3x8xbf16>) outs(%6 : tensor<?x8xf32>) {
// CHECK-NEXT:    ^bb0(%8: bf16, %9: bf16, %10: f32):
// CHECK-NEXT:      %11 = arith.extf %8 : bf16 to f32
// CHECK-NEXT:      %12 = arith.extf %9 : bf16 to f32
// CHECK-NEXT:      %13 = arith.mulf %11, %12 : f32
// CHECK-NEXT:      %14 = arith.addf %10, %13 : f32
// CHECK-NEXT:      linalg.yield %14 : f32
// CHECK-NEXT:    } -> tensor<?x8xf32>
// CHECK-NEXT:    %15 = arith.constant 0 : index
// CHECK-NEXT:    %16 = tensor.dim %7, %15 : tensor<?x8xf32>
// CHECK-NEXT:    %17 = tensor.empty(%16) : tensor<?x8xbf16>
// CHECK-NEXT:    %p = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%7 : tensor<?x8xf32>) outs(%17 : tensor<?x8xbf16>) {
// CHECK-NEXT:    ^bb0(%18: f32, %19: bf16):
// CHECK-NEXT:      %20 = arith.truncf %18 : f32 to bf16
// CHECK-NEXT:      linalg.yield %20 : bf16
// CHECK-NEXT:    } -> tensor<?x8xbf16>
// CHECK-NEXT:    func.return %p : tensor<?x8xbf16>
// CHECK-NEXT:  }

// -----
func.func @activate(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %y = lstm.activate <relu> %x : tensor<?x3xf32>
  func.return %y : tensor<?x3xf32>
}
// CHECK-LABEL: func.func @activate(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
// CHECK-NEXT:    %0 = arith.constant 0 : index
// CHECK-NEXT:    %1 = tensor.dim %x, %0 : tensor<?x3xf32>
// CHECK-NEXT:    %2 = tensor.empty(%1) : tensor<?x3xf32>
// CHECK-NEXT:    %y = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<?x3xf32>) outs(%2 : tensor<?x3xf32>) {
// CHECK-NEXT:    ^bb0(%3: f32, %4: f32):
// CHECK-NEXT:      %5 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:      %6 = arith.maximumf %3, %5 : f32
// CHECK-NEXT:      linalg.yield %6 : f32
// CHECK-NEXT:    } -> tensor<?x3xf32>
// CHECK-NEXT:    func.return %y : tensor<?x3xf32>
// CHECK-NEXT:  }

// -----
// softmax and log_softmax subtract the largest element of the row.
func.func @softmax(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %y = lstm.activate <softmax> %x : tensor<?x3xf32>
  func.return %y : tensor<?x3xf32>
}
// CHECK-LABEL: func.func @softmax(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
// CHECK-NEXT:    %0 = arith.constant 0 : index
// CHECK-NEXT:    %1 = tensor.dim %x, %0 : tensor<?x3xf32>
// CHECK-NEXT:    %2 = arith.constant 0xff800000 : f32
// CHECK-NEXT:    %3 = tensor.empty(%1) : tensor<?xf32>
// CHECK-NEXT:    %4 = linalg.fill ins(%2 : f32) outs(%3 : tensor<?xf32>) -> tensor<?xf32>
// CHECK-NEXT:    %5 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<?x3xf32>) outs(%4 : tensor<?xf32>) {
// CHECK-NEXT:    ^bb0(%6: f32, %7: f32):
// CHECK-NEXT:      %8 = arith.maximumf %7, %6 : f32
// CHECK-NEXT:      linalg.yield %8 : f32
// CHECK-NEXT:    } -> tensor<?xf32>
// CHECK-NEXT:    %9 = tensor.empty(%1) : tensor<?x3xf32>
// CHECK-NEXT:    %10 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x, %5 : tensor<?x3xf32>, tensor<?xf32>) outs(%9 : tensor<?x3xf32>) {
// CHECK-NEXT:    ^bb0(%11: f32, %12: f32, %13: f32):
// CHECK-NEXT:      %14 = arith.subf %11, %12 : f32
// CHECK-NEXT:      linalg.yield %14 : f32
// CHECK-NEXT:    } -> tensor<?x3xf32>
// CHECK-NEXT:    %15 = tensor.empty(%1) : tensor<?x3xf32>
// CHECK-NEXT:    %16 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%10 : tensor<?x3xf32>) outs(%15 : tensor<?x3xf32>) {
// CHECK-NEXT:    ^bb0(%17: f32, %18: f32):
// CHECK-NEXT:      %19 = math.exp %17 : f32
// CHECK-NEXT:      linalg.yield %19 : f32
// CHECK-NEXT:    } -> tensor<?x3xf32>
// CHECK-NEXT:    %20 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %21 = tensor.empty(%1) : tensor<?xf32>
// CHECK-NEXT:    %22 = linalg.fill ins(%20 : f32) outs(%21 : tensor<?xf32>) -> tensor<?xf32>
// CHECK-NEXT:    %23 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%16 : tensor<?x3xf32>) outs(%22 : tensor<?xf32>) {
// CHECK-NEXT:    ^bb0(%24: f32, %25: f32):
// CHECK-NEXT:      %26 = arith.addf %25, %24 : f32
// CHECK-NEXT:      linalg.yield %26 : f32
// CHECK-NEXT:    } -> tensor<?xf32>
// CHECK-NEXT:    %27 = tensor.empty(%1) : tensor<?x3xf32>
// CHECK-NEXT:    %y = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%16, %23 : tensor<?x3xf32>, tensor<?xf32>) outs(%27 : tensor<?x3xf32>) {
// CHECK-NEXT:    ^bb0(%28: f32, %29: f32, %30: f32):
// CHECK-NEXT:      %31 = arith.divf %28, %29 : f32
// CHECK-NEXT:      linalg.yield %31 : f32
// CHECK-NEXT:    } -> tensor<?x3xf32>
// CHECK-NEXT:    func.return %y : tensor<?x3xf32>
// CHECK-NEXT:  }

// -----
func.func @log_softmax(%x: tensor<2xf64>) -> tensor<2xf64> {
  %y = lstm.activate <log_softmax> %x : tensor<2xf64>
  func.return %y : tensor<2xf64>
}
// CHECK-LABEL: func.func @log_softmax(%x: tensor<2xf64>) -> tensor<2xf64> {
// CHECK-NEXT:    %0 = arith.constant 0xfff0000000000000 : f64
// CHECK-NEXT:    %1 = tensor.empty() : tensor<f64>
// CHECK-NEXT:    %2 = linalg.fill ins(%0 : f64) outs(%1 : tensor<f64>) -> tensor<f64>
// CHECK-NEXT:    %3 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> ()>], iterator_types = ["reduction"]} ins(%x : tensor<2xf64>) outs(%2 : tensor<f64>) {
// CHECK-NEXT:    ^bb0(%4: f64, %5: f64):
// CHECK-NEXT:      %6 = arith.maximumf %5, %4 : f64
// CHECK-NEXT:      linalg.yield %6 : f64
// CHECK-NEXT:    } -> tensor<f64>
// CHECK-NEXT:    %7 = tensor.empty() : tensor<2xf64>
// CHECK-NEXT:    %8 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> ()>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x, %3 : tensor<2xf64>, tensor<f64>) outs(%7 : tensor<2xf64>) {
// CHECK-NEXT:    ^bb0(%9: f64, %10: f64, %11: f64):
// CHECK-NEXT:      %12 = arith.subf %9, %10 : f64
// CHECK-NEXT:      linalg.yield %12 : f64
// CHECK-NEXT:    } -> tensor<2xf64>
// CHECK-NEXT:    %13 = tensor.empty() : tensor<2xf64>
// CHECK-NEXT:    %14 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%8 : tensor<2xf64>) outs(%13 : tensor<2xf64>) {
// CHECK-NEXT:    ^bb0(%15: f64, %16: f64):
// CHECK-NEXT:      %17 = math.exp %15 : f64
// CHECK-NEXT:      linalg.yield %17 : f64
// CHECK-NEXT:    } -> tensor<2xf64>
// CHECK-NEXT:    %18 = arith.constant 0.000000e+00 : f64
// CHECK-NEXT:    %19 = tensor.empty() : tensor<f64>
// CHECK-NEXT:    %20 = linalg.fill ins(%18 : f64) outs(%19 : tensor<f64>) -> tensor<f64>
// CHECK-NEXT:    %21 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> ()>], iterator_types = ["reduction"]} ins(%14 : tensor<2xf64>) outs(%20 : tensor<f64>) {
// CHECK-NEXT:    ^bb0(%22: f64, %23: f64):
// CHECK-NEXT:      %24 = arith.addf %23, %22 : f64
// CHECK-NEXT:      linalg.yield %24 : f64
// CHECK-NEXT:    } -> tensor<f64>
// CHECK-NEXT:    %25 = tensor.empty() : tensor<2xf64>
// CHECK-NEXT:    %y = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> ()>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%8, %21 : tensor<2xf64>, tensor<f64>) outs(%25 : tensor<2xf64>) {
// CHECK-NEXT:    ^bb0(%26: f64, %27: f64, %28: f64):
// CHECK-NEXT:      %29 = math.log %27 : f64
// CHECK-NEXT:      %30 = arith.subf %26, %29 : f64
// CHECK-NEXT:      linalg.yield %30 : f64
// CHECK-NEXT:    } -> tensor<2xf64>
// CHECK-NEXT:    func.return %y : tensor<2xf64>
// CHECK-NEXT:  }

// -----
// A step is masked if all its features equal mask_value; NaN differs from every value.
func.func @masking(%x: tensor<?x?x3xf32>) -> (tensor<?x?x3xf32>, tensor<?x?xi8>) {
  %y, %m = lstm.masking %x {mask_value = -1.0 : f64} : tensor<?x?x3xf32> -> tensor<?x?x3xf32>, tensor<?x?xi8>
  func.return %y, %m : tensor<?x?x3xf32>, tensor<?x?xi8>
}
// CHECK-LABEL: func.func @masking(%x: tensor<?x?x3xf32>) -> (tensor<?x?x3xf32>, tensor<?x?xi8>) {
// CHECK-NEXT:    %0 = arith.constant 0 : index
// CHECK-NEXT:    %1 = tensor.dim %x, %0 : tensor<?x?x3xf32>
// CHECK-NEXT:    %2 = arith.constant 1 : index
// CHECK-NEXT:    %3 = tensor.dim %x, %2 : tensor<?x?x3xf32>
// CHECK-NEXT:    %4 = arith.constant 0 : i8
// CHECK-NEXT:    %5 = tensor.empty(%1, %3) : tensor<?x?xi8>
// CHECK-NEXT:    %6 = linalg.fill ins(%4 : i8) outs(%5 : tensor<?x?xi8>) -> tensor<?x?xi8>
// CHECK-NEXT:    %m = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x : tensor<?x?x3xf32>) outs(%6 : tensor<?x?xi8>) {
// CHECK-NEXT:    ^bb0(%7: f32, %8: i8):
// CHECK-NEXT:      %9 = arith.constant -1.000000e+00 : f32
// CHECK-NEXT:      %10 = arith.cmpf une, %7, %9 : f32
// CHECK-NEXT:      %11 = arith.extui %10 : i1 to i8
// CHECK-NEXT:      %12 = arith.ori %8, %11 : i8
// CHECK-NEXT:      linalg.yield %12 : i8
// CHECK-NEXT:    } -> tensor<?x?xi8>
// CHECK-NEXT:    %13 = tensor.empty(%1, %3) : tensor<?x?x3xf32>
// CHECK-NEXT:    %y = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%x, %m : tensor<?x?x3xf32>, tensor<?x?xi8>) outs(%13 : tensor<?x?x3xf32>) {
// CHECK-NEXT:    ^bb0(%14: f32, %15: i8, %16: f32):
// CHECK-NEXT:      %17 = arith.uitofp %15 : i8 to f32
// CHECK-NEXT:      %18 = arith.mulf %14, %17 : f32
// CHECK-NEXT:      linalg.yield %18 : f32
// CHECK-NEXT:    } -> tensor<?x?x3xf32>
// CHECK-NEXT:    func.return %y, %m : tensor<?x?x3xf32>, tensor<?x?xi8>
// CHECK-NEXT:  }

// -----
func.func @concat(%x: tensor<?x3xf32>, %z: tensor<?x5xf32>) -> tensor<?x8xf32> {
  %y = lstm.merge "concat" %x, %z : tensor<?x3xf32>, tensor<?x5xf32> -> tensor<?x8xf32>
  func.return %y : tensor<?x8xf32>
}
// CHECK-LABEL: func.func @concat(%x: tensor<?x3xf32>, %z: tensor<?x5xf32>) -> tensor<?x8xf32> {
// CHECK-NEXT:    %0 = arith.constant 0 : index
// CHECK-NEXT:    %1 = tensor.dim %x, %0 : tensor<?x3xf32>
// CHECK-NEXT:    %2 = tensor.empty(%1) : tensor<?x8xf32>
// CHECK-NEXT:    %3 = tensor.insert_slice %x into %2[0, 0] [%1, 3] [1, 1] : tensor<?x3xf32> into tensor<?x8xf32>
// CHECK-NEXT:    %y = tensor.insert_slice %z into %3[0, 3] [%1, 5] [1, 1] : tensor<?x5xf32> into tensor<?x8xf32>
// CHECK-NEXT:    func.return %y : tensor<?x8xf32>
// CHECK-NEXT:  }

// -----
func.func @merge(%x: tensor<?x3xf32>, %z: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %s = lstm.merge "sum" %x, %z : tensor<?x3xf32>, tensor<?x3xf32> -> tensor<?x3xf32>
  %p = lstm.merge "mul" %s, %z : tensor<?x3xf32>, tensor<?x3xf32> -> tensor<?x3xf32>
  %a = lstm.merge "ave" %p, %z : tensor<?x3xf32>, tensor<?x3xf32> -> tensor<?x3xf32>
  func.return %a : tensor<?x3xf32>
}
// CHECK-LABEL: func.func @merge(%x: tensor<?x3xf32>, %z: tensor<?x3xf32>) -> tensor<?x3xf32> {
// CHECK-NEXT:    %0 = arith.constant 0 : index
// CHECK-NEXT:    %1 = tensor.dim %x, %0 : tensor<?x3xf32>
// CHECK-NEXT:    %2 = tensor.empty(%1) : tensor<?x3xf32>
// CHECK-NEXT:    %s = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x, %z : tensor<?x3xf32>, tensor<?x3xf32>) outs(%2 : tensor<?x3xf32>) {
// CHECK-NEXT:    ^bb0(%3: f32, %4: f32, %5: f32):
// CHECK-NEXT:      %6 = arith.addf %3, %4 : f32
// CHECK-NEXT:      linalg.yield %6 : f32
// CHECK-NEXT:    } -> tensor<?x3xf32>
// CHECK-NEXT:    %7 = arith.constant 0 : index
// CHECK-NEXT:    %8 = tensor.dim %s, %7 : tensor<?x3xf32>
// CHECK-NEXT:    %9 = tensor.empty(%8) : tensor<?x3xf32>
// CHECK-NEXT:    %p = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%s, %z : tensor<?x3xf32>, tensor<?x3xf32>) outs(%9 : tensor<?x3xf32>) {
// CHECK-NEXT:    ^bb0(%10: f32, %11: f32, %12: f32):
// CHECK-NEXT:      %13 = arith.mulf %10, %11 : f32
// CHECK-NEXT:      linalg.yield %13 : f32
// CHECK-NEXT:    } -> tensor<?x3xf32>
// CHECK-NEXT:    %14 = arith.constant 0 : index
// CHECK-NEXT:    %15 = tensor.dim %p, %14 : tensor<?x3xf32>
// CHECK-NEXT:    %16 = tensor.empty(%15) : tensor<?x3xf32>
// CHECK-NEXT:    %a = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%p, %z : tensor<?x3xf32>, tensor<?x3xf32>) outs(%16 : tensor<?x3xf32>) {
// CHECK-NEXT:    ^bb0(%17: f32, %18: f32, %19: f32):
// CHECK-NEXT:      %20 = arith.addf %17, %18 : f32
// CHECK-NEXT:      %21 = arith.constant 2.000000e+00 : f32
// CHECK-NEXT:      %22 = arith.divf %20, %21 : f32
// CHECK-NEXT:      linalg.yield %22 : f32
// CHECK-NEXT:    } -> tensor<?x3xf32>
// CHECK-NEXT:    func.return %a : tensor<?x3xf32>
// CHECK-NEXT:  }

// -----
// A reversal that no scan could take over reads from the end.
func.func @reverse(%x: tensor<2x?x3xf32>) -> tensor<2x?x3xf32> {
  %y = lstm.reverse %x {axis = 1 : i64} : tensor<2x?x3xf32>
  func.return %y : tensor<2x?x3xf32>
}
// CHECK-LABEL: func.func @reverse(%x: tensor<2x?x3xf32>) -> tensor<2x?x3xf32> {
// CHECK-NEXT:    %0 = arith.constant 1 : index
// CHECK-NEXT:    %1 = tensor.dim %x, %0 : tensor<2x?x3xf32>
// CHECK-NEXT:    %2 = arith.constant 1 : index
// CHECK-NEXT:    %3 = arith.subi %1, %2 : index
// CHECK-NEXT:    %4 = tensor.empty(%1) : tensor<2x?x3xf32>
// CHECK-NEXT:    %y = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} outs(%4 : tensor<2x?x3xf32>) {
// CHECK-NEXT:    ^bb0(%5: f32):
// CHECK-NEXT:      %6 = linalg.index 0 : index
// CHECK-NEXT:      %7 = linalg.index 1 : index
// CHECK-NEXT:      %8 = linalg.index 2 : index
// CHECK-NEXT:      %9 = arith.subi %3, %7 : index
// CHECK-NEXT:      %10 = tensor.extract %x[%6, %9, %8] : tensor<2x?x3xf32>
// CHECK-NEXT:      linalg.yield %10 : f32
// CHECK-NEXT:    } -> tensor<2x?x3xf32>
// CHECK-NEXT:    func.return %y : tensor<2x?x3xf32>
// CHECK-NEXT:  }

// -----
// Dropout does nothing at inference.
func.func @dropout(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %y = lstm.dropout %x {rate = 0.5 : f64} : tensor<?x3xf32>
  func.return %y : tensor<?x3xf32>
}
// CHECK-LABEL: func.func @dropout(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
// CHECK-NEXT:    func.return %x : tensor<?x3xf32>
// CHECK-NEXT:  }

// -----
// Scans and weights are left to their own passes.
func.func @left(%p: tensor<?x?x8xf32>, %h0: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %R = lstm.weight "r" : tensor<8x8xf32>
  %y, %h = lstm.scan "s" input(%p : tensor<?x?x8xf32>) recurrent_kernels(%R : tensor<8x8xf32>) init(%h0 : tensor<?x8xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<?x8xf32>, tensor<?x8xf32> cell {
  ^cell(%z: vector<8xf32>, %hq: vector<8xf32>):
    lstm.yield %z : vector<8xf32>
  }
  func.return %y : tensor<?x8xf32>
}
// CHECK-LABEL: func.func @left(%p: tensor<?x?x8xf32>, %h0: tensor<?x8xf32>) -> tensor<?x8xf32> {
// CHECK-NEXT:    %R = lstm.weight "r" : tensor<8x8xf32>
// CHECK-NEXT:    %y, %h = lstm.scan "s" input(%p : tensor<?x?x8xf32>) recurrent_kernels(%R : tensor<8x8xf32>) init(%h0 : tensor<?x8xf32>) {input_map = affine_map<(d0, d1)[s0] -> (d1, d0)>, masked_output = "hold"} -> tensor<?x8xf32>, tensor<?x8xf32> cell {
// CHECK-NEXT:    ^cell(%z: vector<8xf32>, %hq: vector<8xf32>):
// CHECK-NEXT:      lstm.yield %z : vector<8xf32>
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %y : tensor<?x8xf32>
// CHECK-NEXT:  }
