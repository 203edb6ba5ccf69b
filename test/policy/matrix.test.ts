import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  at,
  cholesky,
  columnVector,
  inverse,
  type Matrix,
  multiply,
  solveCholesky,
  transpose,
} from '../../src/policy/matrix.ts';

const square = fc
  .integer({ min: 1, max: 6 })
  .chain((size) =>
    fc
      .array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: size * size, maxLength: size * size })
      .map((values): Matrix => ({ rows: size, columns: size, data: Float64Array.from(values) })),
  );

/** AAᵀ + I: symmetric and surely positive definite. */
const definite = square.map((factor) => {
  const product = multiply(factor, transpose(factor));
  for (let index = 0; index < product.rows; index += 1) {
    product.data[index * product.columns + index] = at(product, index, index) + 1;
  }
  return product;
});

const expectClose = (left: Matrix, right: Matrix): void => {
  for (const [index, value] of left.data.entries()) expect(value).toBeCloseTo(right.data[index] ?? Number.NaN, 7);
};

describe('the linear algebra of the posterior', () => {
  it('factors a positive definite matrix into a triangle times its transpose', () => {
    fc.assert(
      fc.property(definite, (matrix) => {
        const lower = cholesky(matrix);
        expectClose(multiply(lower, transpose(lower)), matrix);
        expect(at(lower, 0, matrix.columns - 1) === 0 || matrix.columns === 1).toBe(true);
      }),
    );
  });

  it('solves and inverts', () => {
    fc.assert(
      fc.property(definite, (matrix) => {
        const right = columnVector(Float64Array.from({ length: matrix.rows }, (_, index) => index - 1));
        expectClose(multiply(matrix, solveCholesky(cholesky(matrix), right)), right);
        const identity = multiply(matrix, inverse(matrix));
        for (let row = 0; row < matrix.rows; row += 1) {
          for (let column = 0; column < matrix.rows; column += 1) {
            expect(at(identity, row, column)).toBeCloseTo(row === column ? 1 : 0, 7);
          }
        }
      }),
    );
  });

  it('survives a covariance that is singular: two arms that are known to be equal', () => {
    const lower = cholesky({ rows: 2, columns: 2, data: Float64Array.of(4, 4, 4, 4) });
    expect(at(lower, 1, 0)).toBeCloseTo(2);
    expect(Math.abs(at(lower, 1, 1))).toBeLessThan(1e-5);
  });
});
