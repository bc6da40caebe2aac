// Form loop: a host loop around one step.
// RUN: %lstm-opt %s -p lstm-lower-scan-loop-tensor --split-input-file | %filecheck %s

// Step k reads its slice of the projection, multiplies h with R, adds, and runs the cell; the last output is h.
func.func @last(%p: tensor<?x?x4xf32>, %R: tensor<4x4xf32>, %h0: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %y, %h = lstm.scan "s" input(%p : tensor<?x?x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h0 : tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "loop"} -> tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return %y, %h : tensor<?x4xf32>, tensor<?x4xf32>
}
// CHECK-LABEL: func.func @last(%p: tensor<?x?x4xf32>, %R: tensor<4x4xf32>, %h0: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
// CHECK-NEXT:    %0 = arith.constant 0 : index
// CHECK-NEXT:    %1 = tensor.dim %p, %0 : tensor<?x?x4xf32>
// CHECK-NEXT:    %2 = arith.constant 1 : index
// CHECK-NEXT:    %3 = tensor.dim %p, %2 : tensor<?x?x4xf32>
// CHECK-NEXT:    %4 = arith.constant 0 : index
// CHECK-NEXT:    %5 = arith.constant 1 : index
// CHECK-NEXT:    %y = scf.for %6 = %4 to %3 step %5 iter_args(%7 = %h0) -> (tensor<?x4xf32>) {
// CHECK-NEXT:      %8 = tensor.extract_slice %p[0, %6, 0] [%1, 1, 4] [1, 1, 1] : tensor<?x?x4xf32> to tensor<?x4xf32>
// CHECK-NEXT:      %9 = arith.constant 0 : index
// CHECK-NEXT:      %10 = tensor.dim %7, %9 : tensor<?x4xf32>
// CHECK-NEXT:      %11 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:      %12 = tensor.empty(%10) : tensor<?x4xf32>
// CHECK-NEXT:      %13 = linalg.fill ins(%11 : f32) outs(%12 : tensor<?x4xf32>) -> tensor<?x4xf32>
// CHECK-NEXT:      %14 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%7, %R : tensor<?x4xf32>, tensor<4x4xf32>) outs(%13 : tensor<?x4xf32>) {
// CHECK-NEXT:      ^bb0(%15: f32, %16: f32, %17: f32):
// CHECK-NEXT:        %18 = arith.mulf %15, %16 : f32
// CHECK-NEXT:        %19 = arith.addf %17, %18 : f32
// CHECK-NEXT:        linalg.yield %19 : f32
// CHECK-NEXT:      } -> tensor<?x4xf32>
// CHECK-NEXT:      %20 = tensor.empty(%1) : tensor<?x4xf32>
// CHECK-NEXT:      %21 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%14, %8 : tensor<?x4xf32>, tensor<?x4xf32>) outs(%20 : tensor<?x4xf32>) {
// CHECK-NEXT:      ^bb0(%22: f32, %23: f32, %24: f32):
// CHECK-NEXT:        %25 = arith.addf %22, %23 : f32
// CHECK-NEXT:        linalg.yield %25 : f32
// CHECK-NEXT:      } -> tensor<?x4xf32>
// CHECK-NEXT:      %26 = tensor.extract_slice %21[0, 0] [%1, 4] [1, 1] : tensor<?x4xf32> to tensor<?x4xf32>
// CHECK-NEXT:      %27 = tensor.empty(%1) : tensor<?x4xf32>
// CHECK-NEXT:      %28 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%26 : tensor<?x4xf32>) outs(%27 : tensor<?x4xf32>) {
// CHECK-NEXT:      ^bb0(%29: f32, %30: f32):
// CHECK-NEXT:        linalg.yield %29 : f32
// CHECK-NEXT:      } -> tensor<?x4xf32>
// CHECK-NEXT:      scf.yield %28 : tensor<?x4xf32>
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %y, %y : tensor<?x4xf32>, tensor<?x4xf32>
// CHECK-NEXT:  }

// -----
// Time-major, backwards, a sequence, and a mask that holds: the previous output is h from the first valid step of a row
// on, and zeros before it; the state stays where the mask is 0.
func.func @masked_sequence(%p: tensor<?x?x4xf32>, %R: tensor<4x4xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>) -> (tensor<?x?x4xf32>, tensor<?x4xf32>) {
  %y, %h = lstm.scan "s" input(%p : tensor<?x?x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) mask(%m : tensor<?x?xi8>) init(%h0 : tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (T - k - 1, b)>, mask_map = affine_map<(k, b)[T] -> (T - k - 1, b)>, output_map = affine_map<(k, b)[T] -> (k, b)>, masked_output = "hold", form = "loop"} -> tensor<?x?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return %y, %h : tensor<?x?x4xf32>, tensor<?x4xf32>
}
// CHECK-LABEL: func.func @masked_sequence
// CHECK:       [[T:%\S+]] = tensor.dim %p, {{.*}}
// CHECK:       [[FIRST:%\S+]] = linalg.generic {{.*}} iterator_types = ["reduction", "parallel"]} ins(%m : tensor<?x?xi8>)
// CHECK:       [[Y:%\S+]] = tensor.empty({{.*}}) : tensor<?x?x4xf32>
// CHECK:       {{.*}} = scf.for [[K:%\S+]] = {{%\S+}} to {{%\S+}} step {{%\S+}} iter_args([[H:%\S+]] = %h0, [[YK:%\S+]] = [[Y]])
// CHECK:       [[TK:%\S+]] = arith.subi {{%\S+}}, [[K]] : index
// CHECK-NEXT:  tensor.extract_slice %p[[[TK]], 0, 0] [1, {{%\S+}}, 4]
// CHECK:       [[MK:%\S+]] = arith.subi {{%\S+}}, [[K]] : index
// CHECK-NEXT:  [[VALID:%\S+]] = tensor.extract_slice %m[[[MK]], 0] [1, {{%\S+}}]
// CHECK:       [[H1:%\S+]], [[OUT:%\S+]] = linalg.generic {{.*}} ins({{%\S+}}, [[VALID]], [[H]], [[FIRST]] :
// CHECK-NEXT:  ([[Z:%\S+]]: f32, [[V:%\S+]]: i8, [[OLD:%\S+]]: f32, [[F:%\S+]]: i32
// CHECK:       [[IS:%\S+]] = arith.cmpi ne, [[V]], {{%\S+}} : i8
// CHECK-NEXT:  [[NEW:%\S+]] = arith.select [[IS]], [[Z]], [[OLD]] : f32
// CHECK:       [[BEGUN:%\S+]] = arith.cmpi sge, {{%\S+}}, [[F]] : i32
// CHECK-NEXT:  [[O:%\S+]] = arith.select [[BEGUN]], [[NEW]], {{%\S+}} : f32
// CHECK-NEXT:  linalg.yield [[NEW]], [[O]] : f32, f32
// CHECK:       [[Y1:%\S+]] = tensor.insert_slice [[OUT]] into [[YK]][[[K]], 0, 0] [1, {{%\S+}}, 4]
// CHECK-NEXT:  scf.yield [[H1]], [[Y1]]

// -----
// Zeros where the mask is 0: of the last output only, the mask of the last step visited decides.
func.func @masked_zero_last(%p: tensor<?x?x4xf32>, %R: tensor<4x4xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %y, %h = lstm.scan "s" input(%p : tensor<?x?x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) mask(%m : tensor<?x?xi8>) init(%h0 : tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, T - k - 1)>, mask_map = affine_map<(k, b)[T] -> (b, T - k - 1)>, masked_output = "zero", form = "loop"} -> tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return %y, %h : tensor<?x4xf32>, tensor<?x4xf32>
}
// CHECK-LABEL: func.func @masked_zero_last
// CHECK:       [[H:%\S+]] = scf.for
// CHECK:       scf.yield
// CHECK:       [[LAST:%\S+]] = tensor.extract_slice %m[0, {{%\S+}}]
// CHECK:       [[Y:%\S+]] = linalg.generic {{.*}} ins([[H]], [[LAST]] : tensor<?x4xf32>, tensor<?xi8>)
// CHECK-NEXT:  ([[HK:%\S+]]: f32, [[V:%\S+]]: i8
// CHECK:       [[IS:%\S+]] = arith.cmpi ne, [[V]], {{%\S+}} : i8
// CHECK:       arith.select [[IS]], [[HK]], {{%\S+}} : f32
// CHECK:       func.return [[Y]], [[H]]

// -----
// A function of a whole row splits the cell: what is read after it is kept, constants are repeated.
func.func @row_wise(%p: tensor<2x5x4xf32>, %R: tensor<4x4xf32>, %h0: tensor<2x4xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %y, %h = lstm.scan "s" input(%p : tensor<2x5x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h0 : tensor<2x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "loop"} -> tensor<2x4xf32>, tensor<2x4xf32> cell {
  ^cell(%z: vector<4xf32>, %hp: vector<4xf32>):
    %zero = arith.constant dense<0.0> : vector<4xf32>
    %s = arith.addf %z, %hp : vector<4xf32>
    %q = lstm.activate <softmax> %s : vector<4xf32>
    %t = arith.maximumf %q, %zero : vector<4xf32>
    %u = arith.mulf %t, %s : vector<4xf32>
    lstm.yield %u : vector<4xf32>
  }
  func.return %y, %h : tensor<2x4xf32>, tensor<2x4xf32>
}
// CHECK-LABEL: func.func @row_wise(%p: tensor<2x5x4xf32>, %R: tensor<4x4xf32>, %h0: tensor<2x4xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
// CHECK-NEXT:    %0 = arith.constant 0 : index
// CHECK-NEXT:    %1 = arith.constant 5 : index
// CHECK-NEXT:    %2 = arith.constant 1 : index
// CHECK-NEXT:    %y = scf.for %3 = %0 to %1 step %2 iter_args(%4 = %h0) -> (tensor<2x4xf32>) {
// CHECK-NEXT:      %5 = tensor.extract_slice %p[0, %3, 0] [2, 1, 4] [1, 1, 1] : tensor<2x5x4xf32> to tensor<2x4xf32>
// CHECK-NEXT:      %6 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:      %7 = tensor.empty() : tensor<2x4xf32>
// CHECK-NEXT:      %8 = linalg.fill ins(%6 : f32) outs(%7 : tensor<2x4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT:      %9 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%4, %R : tensor<2x4xf32>, tensor<4x4xf32>) outs(%8 : tensor<2x4xf32>) {
// CHECK-NEXT:      ^bb0(%10: f32, %11: f32, %12: f32):
// CHECK-NEXT:        %13 = arith.mulf %10, %11 : f32
// CHECK-NEXT:        %14 = arith.addf %12, %13 : f32
// CHECK-NEXT:        linalg.yield %14 : f32
// CHECK-NEXT:      } -> tensor<2x4xf32>
// CHECK-NEXT:      %15 = tensor.empty() : tensor<2x4xf32>
// CHECK-NEXT:      %16 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%9, %5 : tensor<2x4xf32>, tensor<2x4xf32>) outs(%15 : tensor<2x4xf32>) {
// CHECK-NEXT:      ^bb0(%17: f32, %18: f32, %19: f32):
// CHECK-NEXT:        %20 = arith.addf %17, %18 : f32
// CHECK-NEXT:        linalg.yield %20 : f32
// CHECK-NEXT:      } -> tensor<2x4xf32>
// CHECK-NEXT:      %21 = tensor.extract_slice %16[0, 0] [2, 4] [1, 1] : tensor<2x4xf32> to tensor<2x4xf32>
// CHECK-NEXT:      %22 = tensor.empty() : tensor<2x4xf32>
// CHECK-NEXT:      %23 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%21, %4 : tensor<2x4xf32>, tensor<2x4xf32>) outs(%22 : tensor<2x4xf32>) {
// CHECK-NEXT:      ^bb0(%24: f32, %25: f32, %26: f32):
// CHECK-NEXT:        %27 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:        %28 = arith.addf %24, %25 : f32
// CHECK-NEXT:        linalg.yield %28 : f32
// CHECK-NEXT:      } -> tensor<2x4xf32>
// CHECK-NEXT:      %29 = arith.constant 0xff800000 : f32
// CHECK-NEXT:      %30 = tensor.empty() : tensor<2xf32>
// CHECK-NEXT:      %31 = linalg.fill ins(%29 : f32) outs(%30 : tensor<2xf32>) -> tensor<2xf32>
// CHECK-NEXT:      %32 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%23 : tensor<2x4xf32>) outs(%31 : tensor<2xf32>) {
// CHECK-NEXT:      ^bb0(%33: f32, %34: f32):
// CHECK-NEXT:        %35 = arith.maximumf %34, %33 : f32
// CHECK-NEXT:        linalg.yield %35 : f32
// CHECK-NEXT:      } -> tensor<2xf32>
// CHECK-NEXT:      %36 = tensor.empty() : tensor<2x4xf32>
// CHECK-NEXT:      %37 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%23, %32 : tensor<2x4xf32>, tensor<2xf32>) outs(%36 : tensor<2x4xf32>) {
// CHECK-NEXT:      ^bb0(%38: f32, %39: f32, %40: f32):
// CHECK-NEXT:        %41 = arith.subf %38, %39 : f32
// CHECK-NEXT:        linalg.yield %41 : f32
// CHECK-NEXT:      } -> tensor<2x4xf32>
// CHECK-NEXT:      %42 = tensor.empty() : tensor<2x4xf32>
// CHECK-NEXT:      %43 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%37 : tensor<2x4xf32>) outs(%42 : tensor<2x4xf32>) {
// CHECK-NEXT:      ^bb0(%44: f32, %45: f32):
// CHECK-NEXT:        %46 = math.exp %44 : f32
// CHECK-NEXT:        linalg.yield %46 : f32
// CHECK-NEXT:      } -> tensor<2x4xf32>
// CHECK-NEXT:      %47 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:      %48 = tensor.empty() : tensor<2xf32>
// CHECK-NEXT:      %49 = linalg.fill ins(%47 : f32) outs(%48 : tensor<2xf32>) -> tensor<2xf32>
// CHECK-NEXT:      %50 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%43 : tensor<2x4xf32>) outs(%49 : tensor<2xf32>) {
// CHECK-NEXT:      ^bb0(%51: f32, %52: f32):
// CHECK-NEXT:        %53 = arith.addf %52, %51 : f32
// CHECK-NEXT:        linalg.yield %53 : f32
// CHECK-NEXT:      } -> tensor<2xf32>
// CHECK-NEXT:      %54 = tensor.empty() : tensor<2x4xf32>
// CHECK-NEXT:      %55 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%43, %50 : tensor<2x4xf32>, tensor<2xf32>) outs(%54 : tensor<2x4xf32>) {
// CHECK-NEXT:      ^bb0(%56: f32, %57: f32, %58: f32):
// CHECK-NEXT:        %59 = arith.divf %56, %57 : f32
// CHECK-NEXT:        linalg.yield %59 : f32
// CHECK-NEXT:      } -> tensor<2x4xf32>
// CHECK-NEXT:      %60 = tensor.empty() : tensor<2x4xf32>
// CHECK-NEXT:      %61 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%55, %23 : tensor<2x4xf32>, tensor<2x4xf32>) outs(%60 : tensor<2x4xf32>) {
// CHECK-NEXT:      ^bb0(%62: f32, %63: f32, %64: f32):
// CHECK-NEXT:        %65 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:        %66 = arith.maximumf %62, %65 : f32
// CHECK-NEXT:        %67 = arith.mulf %66, %63 : f32
// CHECK-NEXT:        linalg.yield %67 : f32
// CHECK-NEXT:      } -> tensor<2x4xf32>
// CHECK-NEXT:      scf.yield %61 : tensor<2x4xf32>
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %y, %y : tensor<2x4xf32>, tensor<2x4xf32>
// CHECK-NEXT:  }

// -----
// Half types: states in storage, gates and cell in f32.
func.func @half(%p: tensor<2x5x4xf32>, %R: tensor<4x4xf16>, %h0: tensor<2x4xf16>) -> (tensor<2x5x4xf16>, tensor<2x4xf16>) {
  %y, %h = lstm.scan "s" input(%p : tensor<2x5x4xf32>) recurrent_kernels(%R : tensor<4x4xf16>) init(%h0 : tensor<2x4xf16>) {input_map = affine_map<(k, b)[T] -> (b, k)>, output_map = affine_map<(k, b)[T] -> (b, T - k - 1)>, masked_output = "hold", form = "loop"} -> tensor<2x5x4xf16>, tensor<2x4xf16> cell {
  ^cell(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return %y, %h : tensor<2x5x4xf16>, tensor<2x4xf16>
}
// CHECK-LABEL: func.func @half(%p: tensor<2x5x4xf32>, %R: tensor<4x4xf16>, %h0: tensor<2x4xf16>) -> (tensor<2x5x4xf16>, tensor<2x4xf16>) {
// CHECK-NEXT:    %0 = tensor.empty() : tensor<2x5x4xf16>
// CHECK-NEXT:    %1 = arith.constant 0 : index
// CHECK-NEXT:    %2 = arith.constant 5 : index
// CHECK-NEXT:    %3 = arith.constant 1 : index
// CHECK-NEXT:    %h, %y = scf.for %4 = %1 to %2 step %3 iter_args(%5 = %h0, %6 = %0) -> (tensor<2x4xf16>, tensor<2x5x4xf16>) {
// CHECK-NEXT:      %7 = tensor.extract_slice %p[0, %4, 0] [2, 1, 4] [1, 1, 1] : tensor<2x5x4xf32> to tensor<2x4xf32>
// CHECK-NEXT:      %8 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:      %9 = tensor.empty() : tensor<2x4xf32>
// CHECK-NEXT:      %10 = linalg.fill ins(%8 : f32) outs(%9 : tensor<2x4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT:      %11 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%5, %R : tensor<2x4xf16>, tensor<4x4xf16>) outs(%10 : tensor<2x4xf32>) {
// CHECK-NEXT:      ^bb0(%12: f16, %13: f16, %14: f32):
// CHECK-NEXT:        %15 = arith.extf %12 : f16 to f32
// CHECK-NEXT:        %16 = arith.extf %13 : f16 to f32
// CHECK-NEXT:        %17 = arith.mulf %15, %16 : f32
// CHECK-NEXT:        %18 = arith.addf %14, %17 : f32
// CHECK-NEXT:        linalg.yield %18 : f32
// CHECK-NEXT:      } -> tensor<2x4xf32>
// CHECK-NEXT:      %19 = tensor.empty() : tensor<2x4xf32>
// CHECK-NEXT:      %20 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%11, %7 : tensor<2x4xf32>, tensor<2x4xf32>) outs(%19 : tensor<2x4xf32>) {
// CHECK-NEXT:      ^bb0(%21: f32, %22: f32, %23: f32):
// CHECK-NEXT:        %24 = arith.addf %21, %22 : f32
// CHECK-NEXT:        linalg.yield %24 : f32
// CHECK-NEXT:      } -> tensor<2x4xf32>
// CHECK-NEXT:      %25 = tensor.extract_slice %20[0, 0] [2, 4] [1, 1] : tensor<2x4xf32> to tensor<2x4xf32>
// CHECK-NEXT:      %26 = tensor.empty() : tensor<2x4xf16>
// CHECK-NEXT:      %27 = tensor.empty() : tensor<2x4xf16>
// CHECK-NEXT:      %28, %29 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%25 : tensor<2x4xf32>) outs(%26, %27 : tensor<2x4xf16>, tensor<2x4xf16>) {
// CHECK-NEXT:      ^bb0(%30: f32, %31: f16, %32: f16):
// CHECK-NEXT:        %33 = arith.truncf %30 : f32 to f16
// CHECK-NEXT:        linalg.yield %33, %33 : f16, f16
// CHECK-NEXT:      } -> (tensor<2x4xf16>, tensor<2x4xf16>)
// CHECK-NEXT:      %34 = arith.constant 4 : index
// CHECK-NEXT:      %35 = arith.subi %34, %4 : index
// CHECK-NEXT:      %36 = tensor.insert_slice %29 into %6[0, %35, 0] [2, 1, 4] [1, 1, 1] : tensor<2x4xf16> into tensor<2x5x4xf16>
// CHECK-NEXT:      scf.yield %28, %36 : tensor<2x4xf16>, tensor<2x5x4xf16>
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %y, %h : tensor<2x5x4xf16>, tensor<2x4xf16>
// CHECK-NEXT:  }

// -----
// Declined: another form.
func.func @declined(%p: tensor<?x?x4xf32>, %R: tensor<4x4xf32>, %h0: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %y, %h = lstm.scan "s" input(%p : tensor<?x?x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h0 : tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "unrolled"} -> tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return %y, %h : tensor<?x4xf32>, tensor<?x4xf32>
}
// CHECK-LABEL: func.func @declined(%p: tensor<?x?x4xf32>, %R: tensor<4x4xf32>, %h0: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
// CHECK-NEXT:    %y, %h = lstm.scan "s" input(%p : tensor<?x?x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h0 : tensor<?x4xf32>) {input_map = affine_map<(d0, d1)[s0] -> (d1, d0)>, masked_output = "hold", form = "unrolled"} -> tensor<?x4xf32>, tensor<?x4xf32> cell {
// CHECK-NEXT:    ^cell(%z: vector<4xf32>, %hp: vector<4xf32>):
// CHECK-NEXT:      lstm.yield %z : vector<4xf32>
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %y, %h : tensor<?x4xf32>, tensor<?x4xf32>
// CHECK-NEXT:  }

// -----
// A product inside the cell is a product of a step's rows; what it reads is made before it, what reads it comes after.
func.func @reset(%p: tensor<2x?x4xf32>, %R: tensor<4x4xf32>, %N: tensor<4x4xf32>, %h0: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %y, %h = lstm.scan "s" input(%p : tensor<2x?x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h0 : tensor<2x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "loop"} -> tensor<2x4xf32>, tensor<2x4xf32> cell {
  ^cell(%z: vector<4xf32>, %hp: vector<4xf32>):
    %rh = arith.mulf %z, %hp : vector<4xf32>
    %n = lstm.cell_product %rh by %N : vector<4xf32>, tensor<4x4xf32> -> vector<4xf32>
    %s = arith.addf %n, %hp : vector<4xf32>
    lstm.yield %s : vector<4xf32>
  }
  func.return %y : tensor<2x4xf32>
}
// CHECK-LABEL: func.func @reset
// CHECK: scf.for {{.*}} iter_args([[H:%[0-9a-z]+]] = %h0) -> (tensor<2x4xf32>) {
// CHECK: linalg.generic {{.*}}"reduction"{{.*}} ins([[H]], %R : tensor<2x4xf32>, tensor<4x4xf32>)
// CHECK: [[RH:%[0-9a-z]+]] = linalg.generic {{.*}}"parallel"]} ins({{%[0-9a-z]+}}, [[H]] : tensor<2x4xf32>, tensor<2x4xf32>)
// CHECK: arith.mulf
// CHECK: [[N:%[0-9a-z]+]] = linalg.generic {{.*}}"reduction"{{.*}} ins([[RH]], %N : tensor<2x4xf32>, tensor<4x4xf32>)
// CHECK: linalg.generic {{.*}}"parallel"]} ins([[N]], [[H]] : tensor<2x4xf32>, tensor<2x4xf32>)
// CHECK: arith.addf
