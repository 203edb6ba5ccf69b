/** Dense row-major matrices of the posterior: small (arms × groups), so plain loops over Float64Array are the fast way. */
export type Matrix = { rows: number; columns: number; data: Float64Array };

export const zeros = (rows: number, columns: number): Matrix => ({
  rows,
  columns,
  data: new Float64Array(rows * columns),
});

/** An element; 0 only ever stands for one that was never written. */
export const at = (matrix: Matrix, row: number, column: number): number =>
  matrix.data[row * matrix.columns + column] ?? 0;

export const add = (matrix: Matrix, row: number, column: number, value: number): void => {
  const index = row * matrix.columns + column;
  matrix.data[index] = (matrix.data[index] ?? 0) + value;
};

/** `target[row0+i][column0+j] += factor · block[i][j]`. */
export function addBlock(target: Matrix, row0: number, column0: number, block: Matrix, factor = 1): void {
  for (let row = 0; row < block.rows; row += 1) {
    for (let column = 0; column < block.columns; column += 1) {
      add(target, row0 + row, column0 + column, factor * at(block, row, column));
    }
  }
}

export function multiply(left: Matrix, right: Matrix): Matrix {
  const product = zeros(left.rows, right.columns);
  const { columns } = right;
  const [into, from] = [product.data, right.data];
  for (let row = 0; row < left.rows; row += 1) {
    const to = row * columns;
    for (let inner = 0; inner < left.columns; inner += 1) {
      const factor = left.data[row * left.columns + inner] ?? 0;
      if (factor === 0) continue;
      const start = inner * columns;
      // Every index is inside: asking for a default each time costs a refit a third of its time.
      for (let column = 0; column < columns; column += 1) {
        into[to + column] = (into[to + column] as number) + factor * (from[start + column] as number);
      }
    }
  }
  return product;
}

export function transpose(matrix: Matrix): Matrix {
  const result = zeros(matrix.columns, matrix.rows);
  for (let row = 0; row < matrix.rows; row += 1) {
    for (let column = 0; column < matrix.columns; column += 1) add(result, column, row, at(matrix, row, column));
  }
  return result;
}

export function timesVector(matrix: Matrix, vector: Float64Array): Float64Array {
  const result = new Float64Array(matrix.rows);
  for (let row = 0; row < matrix.rows; row += 1) {
    let sum = 0;
    for (let column = 0; column < matrix.columns; column += 1) sum += at(matrix, row, column) * (vector[column] ?? 0);
    result[row] = sum;
  }
  return result;
}

/** Pivots below this share of the largest diagonal element are rounding. */
const PIVOT_FLOOR = 1e-13;

/** Lower triangular L with LLᵀ = `matrix` (symmetric, positive semi-definite up to rounding). */
export function cholesky(matrix: Matrix): Matrix {
  const size = matrix.rows;
  const lower = zeros(size, size);
  let largest = 0;
  for (let index = 0; index < size; index += 1) largest = Math.max(largest, at(matrix, index, index));
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column <= row; column += 1) {
      let sum = at(matrix, row, column);
      for (let inner = 0; inner < column; inner += 1) sum -= at(lower, row, inner) * at(lower, column, inner);
      if (row === column) add(lower, row, row, Math.sqrt(Math.max(sum, largest * PIVOT_FLOOR)));
      else add(lower, row, column, sum / at(lower, column, column));
    }
  }
  return lower;
}

/** X with (LLᵀ)X = `right`. */
export function solveCholesky(lower: Matrix, right: Matrix): Matrix {
  const size = lower.rows;
  const solution: Matrix = { ...right, data: Float64Array.from(right.data) };
  const { columns, data } = solution;
  const eliminate = (row: number, other: number, factor: number): void => {
    const [to, from] = [row * columns, other * columns];
    for (let column = 0; column < columns; column += 1) {
      data[to + column] = (data[to + column] as number) - factor * (data[from + column] as number);
    }
  };
  const divide = (row: number): void => {
    const pivot = at(lower, row, row);
    for (let column = 0; column < columns; column += 1) {
      const index = row * columns + column;
      data[index] = (data[index] ?? 0) / pivot;
    }
  };
  for (let row = 0; row < size; row += 1) {
    for (let other = 0; other < row; other += 1) eliminate(row, other, at(lower, row, other));
    divide(row);
  }
  for (let row = size - 1; row >= 0; row -= 1) {
    for (let other = row + 1; other < size; other += 1) eliminate(row, other, at(lower, other, row));
    divide(row);
  }
  return solution;
}

/** Inverse of a symmetric positive definite matrix. */
export function inverse(matrix: Matrix): Matrix {
  const identity = zeros(matrix.rows, matrix.rows);
  for (let index = 0; index < matrix.rows; index += 1) add(identity, index, index, 1);
  return solveCholesky(cholesky(matrix), identity);
}

export const columnVector = (values: Float64Array): Matrix => ({ rows: values.length, columns: 1, data: values });
